import { defineConfig } from "vitest/config";
import { kernels } from "./plugins/kernels.ts";

export default defineConfig({
  plugins: [kernels()],
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "bench",
          include: ["bench/**/*.test.ts"],
          testTimeout: 900_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "node",
          include: ["tests/**/*.test.ts"],
          exclude: ["tests/browser/**"],
        },
      },
      {
        extends: true,
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          globalSetup: "tests/tools/make_cases.ts",
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
