/** Lets Python make the cases of the browser tests, once for all of them.
 *
 * `TSM_WEB_CASES` may name a folder in which they are kept between runs.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    cases: string;
  }
}

const ROOT = join(import.meta.dirname, "../../../..");
const PACKAGES = [".", "export", "apps/live", "apps/cli", "tests"];

export default function setup(project: TestProject): () => void {
  const kept = process.env.TSM_WEB_CASES;
  const folder = kept ?? mkdtempSync(join(tmpdir(), "tsm-web-cases-"));
  if (!existsSync(join(folder, "networks.json"))) makeCases(folder);
  project.provide("cases", folder);
  return () => {
    if (kept === undefined) rmSync(folder, { recursive: true });
  };
}

function makeCases(folder: string): void {
  const own = join(ROOT, ".venv/bin/python");
  const python = process.env.PYTHON ?? (existsSync(own) ? own : "python3");
  const script = join(import.meta.dirname, "../cases/make_cases.py");
  const path = PACKAGES.map((name) => join(ROOT, name)).join(delimiter);
  execFileSync(python, [script, folder], {
    env: { ...process.env, PYTHONPATH: path, TF_CPP_MIN_LOG_LEVEL: "3" },
    stdio: ["ignore", "ignore", "inherit"],
  });
}
