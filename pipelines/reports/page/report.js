// Unpacks the scripts of the dashboard's page, runs them, and folds the tables. Where this cannot
// run, in old browsers too, the tables stay open and are all that shows.
(async () => {
  "use strict";
  const packed = document.getElementById("report-scripts").textContent;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  const figures = document.getElementById("report-figures");
  figures.removeAttribute("open");
  // What is folded is not printed.
  let wasOpen = false;
  addEventListener("beforeprint", () => {
    wasOpen = figures.open;
    figures.open = true;
  });
  addEventListener("afterprint", () => { figures.open = wasOpen; });
  document.body.classList.add("has-script");
  document.body.append(script);
})();
