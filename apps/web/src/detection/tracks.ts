/** Tracker: follows the objects that a detector finds from frame to frame.
 *
 * In each frame, the boxes are taken in the order of their scores. A box that
 * is nearly the same as a better one with another label is left out, because it
 * is a second opinion about the same object. Each of the others continues the
 * track of its label whose expected box it overlaps most, if it overlaps it
 * enough and no better box has taken it. The expected box is the last one, moved
 * by the motion before it. Other boxes begin tracks.
 */

import { boxOverlap, type Box, type FoundBox } from "./boxes.ts";

/** The rules by which objects appear and disappear. */
export interface TrackConfig {
  /** The score that the box of an object must have; null for the artifact's. */
  readonly threshold: number | null;
  /** The intersection over union that a box must have with the expected box of
   *  an object to be the same object. */
  readonly overlap: number;
  /** The number of frames of the network, one after the other, in which an
   *  object must be found before it appears. */
  readonly hits: number;
  /** The number of frames of the network, one after the other, in which an
   *  object must be missing before it disappears. */
  readonly misses: number;
}

const USUAL: TrackConfig = {
  threshold: null,
  overlap: 0.2,
  hits: 3,
  misses: 5,
};
const TRAIL = 16; // The number of latest boxes that a track keeps.
// Two boxes with an intersection over union above this are nearly the same.
const SAME = 0.7;
const { fround } = Math;

/** An object that is followed. */
export class Track {
  /** The number of the object, counted from 1 as objects appear; 0 if it has
   *  not appeared yet. */
  number = 0;
  /** The index of its label. */
  readonly label: number;
  /** The score of its last box, and its highest score so far. */
  score = 0;
  best = 0;
  /** The number of frames in which it was found, and of those since then. */
  hits = 0;
  misses = 0;
  /** Its latest boxes, the last one at the end. */
  readonly boxes: Box[] = [];
  private motion: readonly [number, number] = [0, 0]; // Pixels per frame.

  constructor(first: FoundBox) {
    this.label = first.label;
    this.found(first);
  }

  get last(): Box {
    return this.boxes[this.boxes.length - 1]!;
  }

  /** Where its box should be `misses` frames after the last one. */
  get expected(): Box {
    const moved = this.last.map((edge, i) =>
      fround(edge + fround(this.motion[i % 2]! * this.misses)),
    );
    return moved as unknown as Box;
  }

  /** Notes the box of the object in a frame. */
  found({ box, score }: FoundBox): void {
    if (this.boxes.length > 0) {
      const { last } = this;
      const change = (i: number) => fround(box[i]! - last[i]!);
      const mean = (axis: number) =>
        fround(fround(change(axis) + change(axis + 2)) / 2);
      const frames = Math.max(this.misses, 1);
      this.motion = [fround(mean(0) / frames), fround(mean(1) / frames)];
    }
    this.boxes.push(box);
    if (this.boxes.length > TRAIL) this.boxes.shift();
    this.score = score;
    this.best = Math.max(this.best, score);
    this.hits++;
    this.misses = 0;
  }
}

/** Follows the objects of one stream. */
export class Tracker {
  private all: Track[] = [];
  private numbers = 0;
  readonly config: TrackConfig;

  constructor(config: Partial<TrackConfig> = {}) {
    this.config = { ...USUAL, ...config };
  }

  /** The objects that have appeared and not disappeared. */
  get tracks(): Track[] {
    return this.all.filter((track) => track.number > 0);
  }

  /** Takes the boxes of the next frame, the best first.
   *
   * @returns The objects that appear, and those that disappear.
   */
  update(found: readonly FoundBox[]): { appeared: Track[]; gone: Track[] } {
    const free = new Set(this.all);
    for (const track of free) track.misses++;
    for (const each of firstOpinions(found)) {
      const track = this.best(free, each);
      if (track === null) {
        this.all.push(new Track(each));
      } else {
        free.delete(track);
        track.found(each);
      }
    }
    const { hits, misses } = this.config;
    const appeared = this.all.filter(
      (track) => track.number === 0 && track.misses === 0 && track.hits >= hits,
    );
    for (const track of appeared) track.number = ++this.numbers;
    // What has not appeared yet must be found in each frame.
    const isLost = (track: Track) =>
      track.misses >= (track.number > 0 ? misses : 1);
    const gone = this.tracks.filter(isLost);
    this.all = this.all.filter((track) => !isLost(track));
    return { appeared, gone };
  }

  /** Forgets all objects; returns those that disappear. */
  end(): Track[] {
    const gone = this.tracks;
    this.all = [];
    return gone;
  }

  /** Returns the track that a box continues; of equal ones, the oldest. */
  private best(tracks: Iterable<Track>, { box, label }: FoundBox) {
    let best: Track | null = null;
    let highest = 0;
    for (const track of tracks) {
      if (track.label !== label) continue;
      const overlap = boxOverlap(box, track.expected);
      if (overlap > highest) [best, highest] = [track, overlap];
    }
    return highest >= this.config.overlap ? best : null;
  }
}

/** Returns the boxes without those that are nearly the same as a better one with
 * another label.
 */
function firstOpinions(found: readonly FoundBox[]): FoundBox[] {
  return found.filter(
    ({ box, label }, index) =>
      !found
        .slice(0, index)
        .some(
          (better) =>
            better.label !== label && boxOverlap(better.box, box) > SAME,
        ),
  );
}
