// The routes of one cluster: fetched when opened, filtered, sorted and leafed through. Never more than one leaf in the document.

const LEAF = 100;

class Routes {
  constructor(details) {
    this.details = details;
    this.cluster = details.dataset.cluster;
    this.rows = null;
    this.sort = { key: "prefix", down: false };
    this.leaf = 0;
    this.loadedFor = undefined;
    this.question = 0;
    this.state = make("p", { class: "quiet", role: "status" });
    this.filter = make("input", {
      type: "search",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "Address, node, pool …",
    });
    this.scroll = make("div", {
      class: "scroll",
      role: "region",
      "aria-label": `Routes of ${this.cluster}`,
      tabindex: 0,
    });
    this.leaves = make("div", { class: "leaves" });
    details.append(
      make("summary", null, heading("Routes")),
      make("div", { class: "finder" }, make("label", null, make("span", null, "Filter"), this.filter), this.state),
      this.scroll,
      this.leaves,
    );
    this.filter.addEventListener("input", () => this.turn(0));
    details.addEventListener("click", (event) => this.click(event));
    details.addEventListener("toggle", () => details.open && this.load());
  }

  /** Read the routes again if they may have changed: another pass has ended, or the reader asks. */
  refresh(lastPass, { force = false } = {}) {
    this.lastPass = lastPass;
    if (force) this.loadedFor = undefined;
    if (this.details.open) this.load();
  }

  async load() {
    if (this.loadedFor === this.lastPass) return;
    this.loadedFor = this.lastPass;
    this.question += 1;
    const { question } = this;
    if (!this.rows) say(this.state, "Loading the routes …");
    try {
      const answer = await ask({ cluster: this.cluster, routes: "true" });
      if (question !== this.question) return; // a newer one has been asked
      const found = answer.clusters.find((each) => each.cluster === this.cluster);
      if (!found?.routes) throw new Error("the answer holds no routes");
      this.rows = toRows(found.routes);
      this.render();
    } catch (error) {
      if (question !== this.question) return;
      this.loadedFor = undefined;
      say(this.state, `The routes could not be read: ${error.message}.${this.rows ? " Those below are older." : ""}`);
    }
  }

  click(event) {
    const { sort, leaf } = event.target.closest("button")?.dataset ?? {};
    if (sort) {
      this.sort = { key: sort, down: this.sort.key === sort && !this.sort.down };
      this.turn(0);
    } else if (leaf) this.turn(this.leaf + Number(leaf));
  }

  turn(leaf) {
    this.leaf = leaf;
    if (this.rows) this.render();
  }

  render() {
    const found = matching(this.rows, this.filter.value);
    const last = Math.max(0, Math.ceil(found.length / LEAF) - 1);
    this.leaf = Math.max(0, Math.min(this.leaf, last));
    const columns = columnsOf(this.rows);
    if (columns.length && !columns.some(({ key }) => key === this.sort.key))
      this.sort = { key: columns[0].key, down: false };
    const shown = sorted(found, this.sort).slice(this.leaf * LEAF, (this.leaf + 1) * LEAF);
    const all = count(this.rows.length, "route");
    say(this.state, found.length === this.rows.length ? all : `${number(found.length)} of ${all}`);
    morphChildren(this.scroll, found.length ? [this.table(columns, shown)] : []);
    morphChildren(this.leaves, last ? this.leafButtons(last) : []);
  }

  table(columns, rows) {
    const head = ({ key, head }) => {
      const active = this.sort.key === key;
      return make(
        "th",
        { scope: "col", "aria-sort": active ? (this.sort.down ? "descending" : "ascending") : null },
        make(
          "button",
          { type: "button", "data-sort": key },
          head,
          make("span", { class: "arrow", "aria-hidden": "true" }, active ? (this.sort.down ? "▼" : "▲") : ""),
        ),
      );
    };
    const cell = (row, { key }) =>
      make(
        "td",
        { title: key === "table" ? row.target : null },
        key === "table" || key === "owner" || key === "pool" ? (row[key] ?? "") : code(row[key]),
      );
    return make(
      "table",
      null,
      make("thead", null, make("tr", null, columns.map(head))),
      make(
        "tbody",
        null,
        rows.map((row) =>
          make(
            "tr",
            { class: row.managed ? null : "foreign", title: row.name },
            columns.map((column) => cell(row, column)),
          ),
        ),
      ),
    );
  }

  leafButtons(last) {
    const button = (step, text, off) =>
      make("button", { type: "button", "data-leaf": step, "aria-disabled": off ? "true" : null }, text);
    return [
      button(-1, "Previous", this.leaf === 0),
      make("span", null, `Page ${this.leaf + 1} of ${last + 1}`),
      button(1, "Next", this.leaf === last),
    ];
  }
}
