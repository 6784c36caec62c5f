/** How the page is built; `build/` holds the steps that Vite lacks. */

import { defineConfig } from "vite";
import { litertFiles } from "./build/litert_files.ts";
import { licenses } from "./build/licenses.ts";
import { offlineFiles } from "./build/offline_files.ts";

export default defineConfig({
  base: "./", // The page works below any folder of a host.
  build: {
    target: "es2022",
    modulePreload: false,
    rollupOptions: {
      input: {
        index: "index.html",
        service_worker: "src/offline/service_worker.ts",
      },
      output: {
        // The service worker rules over the folder in which it lies.
        entryFileNames: ({ name }) =>
          name === "service_worker" ? "[name].js" : "assets/[name]-[hash].js",
      },
    },
  },
  plugins: [litertFiles(), licenses(), offlineFiles()],
});
