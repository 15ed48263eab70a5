// check.mjs PAGE [PICTURES]: opens a page from a file in Chromium, light and dark, as wide as a
// phone and a desk, and exits with 1 when the accessibility checker finds something, when it asks
// for anything from anywhere, when it is wider than the window, or when Chromium complains. With
// PICTURES it leaves them there: PICTURES-360-light.png and so on, and PICTURES.pdf.
import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [page, pictures] = process.argv.slice(2);
const address = pathToFileURL(resolve(page)).href;
const found = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  chromiumSandbox: false,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
// The checker takes seconds for a long page: there it looks at each width and each scheme once.
const long = statSync(page).size > 1_000_000;
for (const width of [360, 1280]) {
  for (const colorScheme of ["light", "dark"]) {
    const checked = !long || (width === 360) === (colorScheme === "dark");
    await look(width, colorScheme, checked);
  }
}
const paper = await browser.newPage({ colorScheme: "dark" });
await paper.goto(address);
await paper.emulateMedia({ media: "print" });
if (await isDark(paper)) found.push("on paper: it is dark");
if (pictures) {
  await paper.pdf({ path: `${pictures}.pdf`, preferCSSPageSize: true });
}
await browser.close();
found.forEach((problem) => console.log(problem));
console.log(`${found.length} problems`);
process.exit(found.length > 0 ? 1 : 0);

async function look(width, colorScheme, checked) {
  const problem = (text) => found.push(`${width} px, ${colorScheme}: ${text}`);
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 800 } });
  const tab = await context.newPage();
  tab.on("request", (request) => {
    if (request.url() !== address) problem(`asks for ${request.url()}`);
  });
  tab.on("console", (message) => problem(`Chromium says: ${message.text()}`));
  tab.on("pageerror", (error) => problem(`a script fails: ${error}`));
  tab.on("dialog", (dialog) => {
    problem(`a script says: ${dialog.message()}`);
    dialog.dismiss();
  });
  await tab.goto(address, { waitUntil: "networkidle" });
  const wide = await tab.evaluate(() => document.documentElement.scrollWidth);
  if (wide > width) problem(`it is ${wide} px wide`);
  const dark = await isDark(tab);
  if (dark !== (colorScheme === "dark")) problem(`it is ${dark ? "dark" : "light"}`);
  for (const { id, help, nodes } of checked ? await violations(tab) : []) {
    problem(`${id}: ${help}: ${nodes.length} times, first ${nodes[0].html}: ${nodes[0].failureSummary}`);
  }
  if (pictures) {
    await tab.screenshot({ path: `${pictures}-${width}-${colorScheme}.png` });
    await tab.screenshot({ path: `${pictures}-${width}-${colorScheme}-whole.png`, fullPage: true });
  }
  await context.close();
}

async function violations(tab) {
  // Like this, the policy of the page does not keep the checker out.
  await tab.evaluate(axe);
  return (await tab.evaluate(() => window.axe.run())).violations;
}

function isDark(tab) {
  return tab.evaluate(() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g);
    return Number(red) + Number(green) + Number(blue) < 384;
  });
}
