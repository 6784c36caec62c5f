/** How the page is built; `plugins/` holds the steps that Vite lacks. */

import { defineConfig } from "vite";
import { kernels } from "./plugins/kernels.ts";
import { litertFiles } from "./plugins/litert_files.ts";
import { licenses } from "./plugins/licenses.ts";
import { offlineFiles } from "./plugins/offline_files.ts";

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
  worker: { plugins: () => [kernels()] },
});
