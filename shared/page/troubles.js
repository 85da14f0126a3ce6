// What is wrong with a cluster, in sentences, and how bad that is. A cluster without a sentence can be left alone.

const OVERDUE = 3600 * 1000;

const changesOf = (report) =>
  (report?.targets ?? []).flatMap((target) =>
    (target.changes ?? []).map((change) => ({ ...change, target: target.target })),
  );

/** Findings of the pass and of the doctor, worst first; a pass repeats what concerns all targets for each of them. */
const findingsOf = (cluster) => {
  const found = [
    ...(cluster.findings ?? []),
    ...(cluster.report?.targets ?? []).flatMap((target) => target.findings ?? []),
  ];
  const once = new Map(found.map((each) => [[each.code, each.resource, each.message].join("\n"), each]));
  const rank = (finding) => LEVELS.indexOf(severityOf(finding.severity)[1]);
  return [...once.values()].sort((one, other) => rank(other) - rank(one));
};

const troublesOf = (cluster) => {
  const { report } = cluster;
  if (!report) return [];
  const troubles = [];
  const add = (level, ...text) => troubles.push({ level, text });
  if (report.error) add("bad", report.error);
  for (const target of report.targets ?? [])
    if (target.error) add("bad", `${shortName(target.target)}: ${target.error}`);
  for (const [result, level, words] of [
    ["failed", "bad", "failed"],
    ["held", "warn", "held back"],
    ["skipped", "warn", "left out"],
  ]) {
    const affected = changesOf(report).filter((change) => change.result === result);
    if (affected.length) add(level, `${count(affected.length, "change")} ${words}: `, reasons(affected));
  }
  for (const finding of findingsOf(cluster)) if (severityOf(finding.severity)[1] === "bad") add("bad", finding.message);
  const at = Date.parse(report.startedAt);
  if (serverNow() - at > OVERDUE)
    add("warn", "No pass has ended since ", when(report.startedAt), ". Does the timer run?");
  for (const { target, used, capacity } of cluster.headroom ?? []) {
    if (used >= capacity) add("bad", `${shortName(target)} is full: ${number(used)} of ${number(capacity)}.`);
    else if (used >= FULL_SOON * capacity)
      add("warn", `${shortName(target)} is nearly full: ${number(used)} of ${number(capacity)}.`);
  }
  return troubles.sort((one, other) => LEVELS.indexOf(other.level) - LEVELS.indexOf(one.level));
};

const reasons = (changes) => {
  const given = [...new Set(changes.map((change) => change.reason).filter(Boolean))];
  const what = changes.slice(0, 3).map((change) => change.prefix ?? change.peerIp ?? change.name);
  const more = changes.length - what.length;
  const named = list(more > 0 ? [...what, `${number(more)} more`] : what);
  return given.length ? `${named} (${given.slice(0, 2).join("; ")})` : named;
};

/** The worst of its outcome, its troubles, its findings and its waiting nodes. */
const levelOf = (cluster) => {
  if (!cluster.report) return "none";
  const waiting = (cluster.report.nodes?.waiting ?? []).length ? ["warn"] : [];
  const found = findingsOf(cluster)
    .map((finding) => severityOf(finding.severity)[1])
    .filter((level) => level !== "info");
  const levels = [
    outcomeOf(cluster.report.outcome)[1],
    ...troublesOf(cluster).map((trouble) => trouble.level),
    ...found,
    ...waiting,
  ];
  return levels.reduce(worse);
};

/** Trouble first, then by name. */
const inOrder = (clusters) =>
  clusters
    .map((cluster) => ({ cluster, level: levelOf(cluster) }))
    .sort(
      (one, other) =>
        LEVELS.indexOf(other.level) - LEVELS.indexOf(one.level) ||
        String(one.cluster.cluster).localeCompare(String(other.cluster.cluster)),
    );

const headlineOf = (ordered) => {
  const named = (level) => ordered.filter((each) => each.level === level).map((each) => each.cluster.cluster);
  const some = (names) => (names.length > 3 ? list([...names.slice(0, 3), `${names.length - 3} more`]) : list(names));
  const [bad, warn, none] = ["bad", "warn", "none"].map(named);
  if (!ordered.length) return ["none", "No cluster is configured"];
  if (bad.length) return ["bad", `${some(bad)} ${bad.length === 1 ? "needs" : "need"} help`];
  if (warn.length) return ["warn", `${some(warn)}: worth a look`];
  if (none.length) return ["none", `${some(none)}: no pass yet`];
  return [
    "good",
    `${["", "The cluster is", "Both clusters are"][ordered.length] ?? `All ${number(ordered.length)} clusters are`} in step`,
  ];
};
