// Choosing among many routes: which match a filter, in which order. Knows nothing of the page.

const COLUMNS = [
  { key: "prefix", head: "Destination" },
  { key: "nextHop", head: "Next hop" },
  { key: "peerIp", head: "Peer" },
  { key: "peerAsn", head: "AS" },
  { key: "node", head: "Node" },
  { key: "pool", head: "Pool" },
  { key: "owner", head: "Owner" },
  { key: "table", head: "Table" },
];

/** Routes as the table wants them: what is searched and compared is made once, not at every key. */
const toRows = (routes) =>
  routes.map((route) => {
    const row = {
      ...route,
      table: shortName(route.target),
      owner: route.managed ? route.owner : `foreign${route.owner ? ` (${route.owner})` : ""}`,
    };
    row.key = `${route.target} ${route.name}`;
    row.words = [row.prefix, row.nextHop, row.peerIp, row.peerAsn, row.node, row.pool, row.owner, row.name, row.table]
      .filter((word) => word !== null && word !== undefined)
      .join("\n")
      .toLowerCase();
    row.range = range(row.prefix);
    return row;
  });

/** Columns that say something: no peers in a route table, no table where there is but one. */
const columnsOf = (rows) =>
  COLUMNS.filter(({ key }) =>
    key === "table"
      ? new Set(rows.map((row) => row.target)).size > 1
      : rows.some((row) => row[key] !== null && row[key] !== undefined && row[key] !== ""),
  );

const address = (text) => {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  return match && match.slice(1).reduce((sum, part) => sum * 256 + Number(part), 0);
};

/** First and last address of an IPv4 prefix, as numbers. */
const range = (prefix) => {
  const [start, bits] = String(prefix ?? "").split("/");
  const first = address(start);
  return first === null || bits === undefined ? null : [first, first + 2 ** (32 - Number(bits)) - 1];
};

/** Rows with every word of `text` in them; an IPv4 address also finds the routes that lead to it. */
const matching = (rows, text) => {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => [word, address(word)]);
  return rows.filter((row) =>
    words.every(
      ([word, at]) =>
        row.words.includes(word) || (at !== null && row.range !== null && row.range[0] <= at && at <= row.range[1]),
    ),
  );
};

const collator = new Intl.Collator("en", { numeric: true });

const sorted = (rows, { key, down }) =>
  [...rows].sort((one, other) => (down ? -1 : 1) * collator.compare(one[key] ?? "", other[key] ?? ""));
