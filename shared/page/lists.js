// What happened and what was found, as tables and lists that can be opened: changes, passes, findings.

const ACTIONS = { create: ["+", "create"], update: ["~", "update"], delete: ["−", "delete"] };
const RESULTS = {
  applied: ["made", "good"],
  planned: ["planned", "info"],
  held: ["held back", "warn"],
  skipped: ["left out", "warn"],
  failed: ["failed", "bad"],
};
const CHANGES_SHOWN = 50;

const lastChanges = (report) => {
  const changes = changesOf(report);
  return (
    changes.length > 0 &&
    make(
      "details",
      { "data-key": "changes", open: changes.some((change) => change.result !== "applied") },
      make("summary", null, heading("Changes of the last pass"), ` ${number(changes.length)}`),
      table(
        "Changes of the last pass",
        ["Change", "Destination", "Next hop", "Node", "Table", "Result"],
        changes.slice(0, CHANGES_SHOWN).map((change) => {
          const [sign, verb] = told(ACTIONS, change.action, ["", String(change.action)]);
          const [word, level] = told(RESULTS, change.result, [String(change.result), "warn"]);
          return [
            make("span", null, make("b", { class: "sign", "aria-hidden": "true" }, sign), ` ${verb}`),
            code(change.prefix ?? change.peerIp ?? change.name),
            hop(change),
            code(change.node),
            make("span", { title: change.target }, shortName(change.target)),
            make("div", { class: "why" }, badge(word, level), change.reason ? ` ${change.reason}` : ""),
          ];
        }),
      ),
      changes.length > CHANGES_SHOWN &&
        make("p", { class: "quiet" }, `${number(changes.length - CHANGES_SHOWN)} more are in the report.`),
    )
  );
};

const hop = (change) => {
  const asn = (value) => (value ? `AS ${value}` : null);
  const [before, now] =
    "peerIp" in change ? [asn(change.previousPeerAsn), asn(change.peerAsn)] : [change.previousNextHop, change.nextHop];
  return before && before !== now
    ? make("span", null, code(before), make("span", { class: "quiet" }, " to "), code(now))
    : code(now);
};

const code = (text) => (text === null || text === undefined || text === "" ? null : make("code", null, text));
const heading = (text) => make("h3", null, text);

const PASS_COLUMNS = ["When", "By", "Outcome", "Changed", "Drift", "Held", "Failed", "Correlation id"];

const recentPasses = (history) => {
  const cell = (value) => (value ? number(value) : "");
  const row = (pass) => [
    when(pass.at),
    triggerOf(pass.trigger),
    badge(...outcomeOf(pass.outcome)),
    ...[pass.applied, pass.repaired, pass.held, pass.failed].map(cell),
    code(pass.correlationId),
  ];
  return (
    history.length > 0 &&
    make(
      "details",
      { "data-key": "history" },
      make("summary", null, heading("Recent passes with changes"), ` ${number(history.length)}`),
      table("Recent passes with changes", PASS_COLUMNS, history.map(row)),
    )
  );
};

const findings = (found) =>
  found.length > 0 &&
  make(
    "details",
    { "data-key": "findings", open: severityOf(found[0].severity)[1] !== "info" },
    make("summary", null, heading("Findings"), ` ${number(found.length)}`),
    make(
      "ul",
      { class: "findings" },
      found.map((finding) =>
        make(
          "li",
          null,
          badge(...severityOf(finding.severity)),
          make(
            "div",
            null,
            make("p", null, finding.message),
            make(
              "p",
              { class: "quiet" },
              make("code", null, finding.code),
              finding.resource ? [" ", make("span", null, finding.resource)] : null,
            ),
          ),
        ),
      ),
    ),
  );

/** A table that scrolls sideways by itself where the window is narrow; reached and moved by keyboard, too. */
const table = (label, heads, rows) =>
  make(
    "div",
    { class: "scroll", role: "region", "aria-label": label, tabindex: 0 },
    make(
      "table",
      null,
      make(
        "thead",
        null,
        make(
          "tr",
          null,
          heads.map((head) => make("th", { scope: "col" }, head)),
        ),
      ),
      make(
        "tbody",
        null,
        rows.map((cells) =>
          make(
            "tr",
            null,
            cells.map((cell) => make("td", null, cell)),
          ),
        ),
      ),
    ),
  );
