// Fetching, showing, and saying how old it all is. The address of the page is the address of its data.

const EVERY = 30_000;
const STALE = 95_000;
const PATIENCE = 60_000; // an app that starts cold takes its time

const byId = (id) => document.getElementById(id);
const islands = new WeakMap();
const state = { shown: null, at: 0, next: 0, failure: "", paused: false, loading: false };

/** The status as JSON, with more asked for in `query`. Throws an Error that a reader understands. */
const ask = async (query = {}) => {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  url.searchParams.delete("format");
  let answer;
  try {
    answer = await fetch(url, {
      headers: { Accept: "application/json" },
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch (error) {
    throw new Error(
      error.name === "TimeoutError" ? "the app took longer than a minute to answer" : "the app cannot be reached",
    );
  }
  const content = await answer.json().catch(() => null);
  if (answer.status === 401 || answer.status === 403)
    throw new Error("the function key is missing or no longer valid; add ?code=… to the address");
  if (!answer.ok) throw new Error(content?.error ? String(content.error) : `the app answered ${answer.status}`);
  if (!Array.isArray(content?.clusters)) throw new Error("the answer is no status");
  return content;
};

const refresh = async ({ force = false } = {}) => {
  if (state.loading) return;
  state.loading = true;
  byId("now").setAttribute("aria-disabled", "true");
  try {
    const content = await ask();
    const generated = Date.parse(content.generatedAt);
    clockAhead = Number.isNaN(generated) ? 0 : generated - Date.now();
    Object.assign(state, { shown: content, at: serverNow(), failure: "" });
    keepPlace(byId("clusters").children, () => render(content, { force }));
  } catch (error) {
    state.failure = error.message;
  }
  state.loading = false;
  state.next = Date.now() + EVERY;
  byId("now").removeAttribute("aria-disabled");
  tick();
};

const render = (content, { force }) => {
  const ordered = inOrder(content.clusters);
  const [level, text] = headlineOf(ordered);
  document.title = level === "good" ? "Pod routes" : `${text} · Pod routes`;
  byId("headline").className = `headline ${level}`;
  show(byId("headline"), icon(level), make("span", null, text));
  show(byId("notes"), notes(content, ordered));
  show(
    byId("overview"),
    ordered.length > 1 &&
      make(
        "ul",
        null,
        ordered.map(({ cluster, level: each }) =>
          make(
            "li",
            { "data-key": cluster.cluster },
            make("a", { class: each, href: `#${clusterId(cluster.cluster)}` }, icon(each), cluster.cluster),
          ),
        ),
      ),
  );
  show(byId("clusters"), ordered.map(clusterCard));
  for (const details of document.querySelectorAll("[data-island]")) {
    if (!islands.has(details)) islands.set(details, new Routes(details));
    const { report } = content.clusters.find((each) => each.cluster === details.dataset.cluster);
    islands.get(details).refresh(report?.startedAt ?? null, { force });
  }
};

const notes = ({ poison }, ordered) => [
  !ordered.length &&
    make(
      "p",
      { class: "note" },
      "Name clusters in the setting ",
      make("code", null, "AKS_POD_ROUTES_CLUSTERS"),
      "; they show up here with their first pass.",
    ),
  poison?.count > 0 &&
    make(
      "p",
      { class: "note warn" },
      icon("warn"),
      make(
        "span",
        null,
        `${count(poison.count, "wake-up")} failed for good${poison.clusters?.length ? ` (${list(poison.clusters)})` : ""}. `,
        "The timer repairs what they meant; look for the cause in the log, then clear the queue ",
        make("code", null, "aks-pod-routes-wake-poison"),
        ".",
      ),
    ),
];

/** Once a second: ages, what is due, what is late. */
const tick = () => {
  tickAges();
  const age = serverNow() - state.at;
  const stale = state.shown !== null && age > STALE;
  byId("age").classList.toggle("warn", stale);
  show(
    byId("age"),
    state.shown === null
      ? ""
      : `${stale ? "Old data: from " : "Read "}${ago(state.at)}${state.paused ? ", paused" : ""}`,
  );
  show(
    byId("failure"),
    state.failure !== "" &&
      make(
        "p",
        { class: "note bad" },
        icon("bad"),
        make(
          "span",
          null,
          state.shown === null
            ? `Nothing could be read: ${state.failure}.`
            : `The last refresh failed: ${state.failure}. What is below was read at ${absolute(state.at)}.`,
        ),
      ),
  );
  if (state.failure !== "" && state.shown === null) show(byId("headline"), "No data");
  if (!state.paused && !document.hidden && Date.now() >= state.next) refresh();
};

byId("pause").addEventListener("click", () => {
  state.paused = !state.paused;
  byId("pause").textContent = state.paused ? "Resume refresh" : "Pause refresh";
  tick();
});
byId("now").addEventListener("click", () => refresh({ force: true }));
document.addEventListener("visibilitychange", tick);
setInterval(tick, 1000);
refresh();
