// Pictures of numbers, each with the numbers in words beside it or as its name.

const FULL_SOON = 0.9;

const headroomBar = ({ target, used, capacity }) => {
  const level = used >= capacity ? "bad" : used >= FULL_SOON * capacity ? "warn" : "good";
  const width = capacity ? Math.min(100, (100 * used) / capacity) : 0;
  return make(
    "div",
    {
      class: `bar ${level}`,
      role: "meter",
      "aria-label": `Entries in ${shortName(target)}`,
      "aria-valuemin": 0,
      "aria-valuemax": capacity,
      "aria-valuenow": Math.min(used, capacity),
      "aria-valuetext": `${number(used)} of ${number(capacity)}`,
    },
    draw(
      "svg",
      { width: "100%", height: 8, "aria-hidden": "true" },
      draw("rect", { class: "trough", width: "100%", height: 8, rx: 4 }),
      used > 0 && draw("rect", { class: "fill", width: `${Math.max(width, 1)}%`, height: 8, rx: 4 }),
    ),
  );
};

const driftSentence = (days) => {
  const total = days.reduce((sum, day) => sum + day.repaired, 0);
  if (!total) return `No drift in the last ${days.length} days.`;
  const most = days.reduce((top, day) => (day.repaired > top.repaired ? day : top));
  return `${count(total, "repair")} in the last ${days.length} days, most on ${most.day} (${number(most.repaired)}).`;
};

/** The days that have something, for who cannot see the bars. */
const driftWords = (days) =>
  list(days.filter((day) => day.repaired).map(({ day, repaired }) => `${day}: ${number(repaired)}`)) || "none";

const SLOT = 20;
const TALL = 56;

const driftChart = (days) => {
  const top = Math.max(1, ...days.map((day) => day.repaired));
  const bars = days.map(({ day, repaired }, at) => {
    const height = repaired ? Math.max(4, (repaired / top) * TALL) : 2;
    return draw(
      "g",
      { "data-key": day },
      draw("title", null, `${day}: ${count(repaired, "repair")}`),
      draw("rect", { class: "slot", x: at * SLOT, y: 0, width: SLOT, height: TALL + 16 }),
      draw("rect", {
        class: repaired ? "some" : "none",
        x: at * SLOT + 3,
        y: 16 + TALL - height,
        width: SLOT - 6,
        height,
        rx: 2,
      }),
      repaired > 0 &&
        draw("text", { x: at * SLOT + SLOT / 2, y: 12 + TALL - height, "text-anchor": "middle" }, String(repaired)),
    );
  });
  const wide = days.length * SLOT;
  return make(
    "figure",
    { class: "drift" },
    draw(
      "svg",
      { role: "img", viewBox: `0 0 ${wide} ${TALL + 30}`, "aria-label": `Repairs per day: ${driftWords(days)}` },
      bars,
      draw("text", { x: 3, y: TALL + 28 }, days[0].day.slice(5)),
      draw("text", { x: wide - 3, y: TALL + 28, "text-anchor": "end" }, days.at(-1).day.slice(5)),
    ),
    make("figcaption", null, driftSentence(days)),
  );
};
