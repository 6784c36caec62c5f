/** The cases of `apps/vectors` that need a network, in Node. */

import { test } from "vitest";
import { openInNode } from "../tools/node_runtime.ts";
import { replaySession, replaySteps } from "./networks.ts";
import { casesOf, type SessionCase, type StepCase } from "./read.ts";

test.each(casesOf<StepCase>("steps"))("$name, fed", (each) =>
  replaySteps(each, openInNode, "fed"),
);

test.each(casesOf<StepCase>("steps"))("$name, free", (each) =>
  replaySteps(each, openInNode, "free"),
);

test.each(casesOf<SessionCase>("session"))("$name", (each) =>
  replaySession(each, openInNode),
);
