// One cluster of the page: its state in large, then what is wrong, then numbers, then what can be opened.

const SHOWN = 10;

/** An id that needs no escaping, in an address or in a list of ids. */
const clusterId = (name) => `cluster-${String(name).replace(/[^a-z0-9-]/g, (letter) => `_${letter.charCodeAt(0)}`)}`;

const clusterCard = ({ cluster, level }) => {
  const id = clusterId(cluster.cluster);
  const { report } = cluster;
  return make(
    "article",
    {
      class: `card ${level}`,
      "data-key": `cluster ${cluster.cluster}`,
      id,
      tabindex: "-1",
      "aria-labelledby": `${id}-name`,
    },
    make(
      "div",
      { class: "state" },
      icon(level),
      make("h2", { id: `${id}-name` }, cluster.cluster),
      make("span", { class: "mode" }, modeOf(cluster.mode)),
      report ? badge(...outcomeOf(report.outcome)) : badge("No report yet", "none"),
    ),
    lastPass(report),
    troubleList(cluster),
    waitingNodes(report),
    numbers(cluster),
    lastChanges(report),
    recentPasses(cluster.history ?? []),
    findings(findingsOf(cluster)),
    make("details", { "data-key": "routes", "data-island": "routes", "data-cluster": cluster.cluster }),
  );
};

const lastPass = (report) => {
  if (!report)
    return make(
      "p",
      { class: "pass" },
      "No pass has ended yet. The timer makes the first one within minutes of a deployment.",
    );
  const nodes = report.nodes?.total || !report.error ? report.nodes : null; // where they could not be read, 0 is no number
  const waiting = (nodes?.waiting ?? []).length;
  return make(
    "p",
    { class: "pass" },
    "Last pass ",
    when(report.startedAt, { full: true }),
    `, by ${triggerOf(report.trigger)}`,
    report.durationMs ? `, took ${number(report.durationMs)} ms` : "",
    ". ",
    nodes && make("strong", null, count(nodes.total, "node")),
    nodes && (waiting ? `, ${number(waiting)} waiting.` : ", none waiting."),
  );
};

const troubleList = (cluster) => {
  const troubles = troublesOf(cluster);
  return (
    troubles.length > 0 &&
    make(
      "ul",
      { class: "troubles", "data-key": "troubles", "aria-label": "What is wrong" },
      troubles.map(({ level, text }) => make("li", { class: level }, icon(level), make("span", null, text))),
    )
  );
};

const waitingNodes = (report) => {
  const waiting = report?.nodes?.waiting ?? [];
  if (!waiting.length) return null;
  const line = ({ node, reason }) => make("li", null, make("code", null, node), ` ${reason}`);
  return make(
    "section",
    { class: "waiting", "data-key": "waiting" },
    make("h3", null, `${count(waiting.length, "node")} waiting for a route`),
    make("ul", null, waiting.slice(0, SHOWN).map(line)),
    waiting.length > SHOWN &&
      make(
        "details",
        null,
        make("summary", null, `${number(waiting.length - SHOWN)} more`),
        make("ul", null, waiting.slice(SHOWN).map(line)),
      ),
  );
};

const numbers = (cluster) => {
  const drift = cluster.drift ?? [];
  const targets = targetsOf(cluster);
  return (
    (targets.length > 0 || drift.length > 0) &&
    make(
      "div",
      { class: "numbers", "data-key": "numbers" },
      targets.length > 0 &&
        make(
          "section",
          null,
          make("h3", null, cluster.mode === "udr" ? "Route tables" : "Targets"),
          make("ul", { class: "targets" }, targets.map(targetLine)),
        ),
      drift.length > 0 && make("section", null, make("h3", null, "Drift repaired"), driftChart(drift)),
    )
  );
};

/** A target is known by its report, its headroom, or both. */
const targetsOf = (cluster) => {
  const targets = new Map(
    (cluster.report?.targets ?? []).map((report) => [report.target, { target: report.target, report }]),
  );
  for (const headroom of cluster.headroom ?? []) {
    targets.set(headroom.target, { target: headroom.target, ...targets.get(headroom.target), headroom });
  }
  return [...targets.values()];
};

const targetLine = ({ target, report, headroom }) =>
  make(
    "li",
    { "data-key": target },
    make(
      "div",
      { class: "target" },
      make("span", { class: "name", title: target }, shortName(target)),
      report && badge(...outcomeOf(report.outcome)),
    ),
    headroom && headroomBar(headroom),
    make(
      "p",
      { class: "quiet" },
      headroom &&
        `${number(headroom.used)} of ${number(headroom.capacity)} used (${percent(headroom.used, headroom.capacity)})`,
      headroom && report && ": ",
      report && `${number(report.managed)} managed, ${number(report.foreign)} foreign`,
    ),
  );
