// Unpacks the report's data for the page's script and folds the tables.
(() => {
  const unpacked = ({ values, per, runs, at }) => {
    if (per) return values.map((value) => value === null ? null : value / per);
    if (runs) return values.flatMap((value, index) => Array(runs[index]).fill(value));
    return at.map((index) => values[index]);
  };
  const packed = document.getElementById("report-packed");
  const data = JSON.parse(packed.textContent);
  for (const chart of Object.values(data.charts)) {
    for (const [name, column] of Object.entries(chart.columns ?? {})) {
      if (!Array.isArray(column)) chart.columns[name] = unpacked(column);
    }
  }
  packed.id = "report-data";
  packed.textContent = JSON.stringify(data);
  document.body.classList.add("has-script");
  document.getElementById("report-figures").removeAttribute("open");
})();
