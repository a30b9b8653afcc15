// Unpacks the scripts of the dashboard's page, runs them, and folds the tables. Where this cannot
// run, in old browsers too, the tables stay open and are all that shows.
(async () => {
  "use strict";
  const packed = document.getElementById("report-scripts").textContent;
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.getElementById("report-figures").removeAttribute("open");
  document.body.classList.add("has-script");
  document.body.append(script);
})();
