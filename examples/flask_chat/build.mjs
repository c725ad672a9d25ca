// Bundles the page's script: frontend/, LiveChannel and the official client, into one static file.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [here("frontend/main.js")],
  outfile: here("chat/static/bundle.js"),
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  logLevel: "warning",
  // live-channel.js lies outside this folder, and takes the official client from here.
  nodePaths: [here("node_modules")],
});
