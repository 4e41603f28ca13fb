const chart = document.getElementById("equity"), told = document.getElementById("told");
const points = JSON.parse(document.getElementById("points").textContent), mark = chart.querySelector(".at");
const LEFT = 64, RIGHT = 8, WIDTH = 960, first = points[0][0], last = points[points.length - 1][0];
chart.addEventListener("pointermove", (event) => {
  const box = chart.getBoundingClientRect();
  const share = ((event.clientX - box.left) / box.width * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT);
  const time = first + share * (last - first);
  const near = points.reduce((a, b) => (Math.abs(b[0] - time) < Math.abs(a[0] - time) ? b : a));
  const x = LEFT + (near[0] - first) / (last - first || 1) * (WIDTH - LEFT - RIGHT);
  for (const [name, value] of [["x1", x], ["x2", x], ["y1", 10], ["y2", 300]]) mark.setAttribute(name, value);
  mark.style.visibility = "visible";
  const day = new Date(near[0] * 1000).toISOString().slice(0, 10), equity = Math.round(near[1]).toLocaleString("en-US");
  told.textContent = `${day}  ${equity} USD  ${(near[2] * 100).toFixed(1)} %`;
});
const select = document.getElementById("symbol"), prices = document.querySelectorAll(".chart");
if (select) select.addEventListener("change", () => prices.forEach((one, place) => one.classList.toggle("hidden", place !== select.selectedIndex)));
