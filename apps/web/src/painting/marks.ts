/** drawMarks: draws boxes, names and paths of objects over a picture. */

import type { Box } from "../detection/boxes.ts";
import type { Size } from "../frames/picture.ts";

/** An object that is marked in a picture. */
export interface Mark {
  readonly words: string;
  /** A bright colour, on which black text can be read. */
  readonly colour: string;
  /** In pixels of the frame, like the path of the centre. */
  readonly box: Box;
  readonly trail: readonly (readonly [number, number])[];
}

/** Where and how marks are drawn. */
export interface MarkPlace {
  /** The size of the upright frame that the marks are about. */
  readonly frame: Size;
  /** Whether the picture is mirrored. Text is not. */
  readonly isMirrored: boolean;
  /** The pixels of the canvas per pixel of a style sheet. */
  readonly unit: number;
}

const LINE = 2;
const TEXT = 13;
const DARK = "rgb(10 12 18)";

/** Draws marks on a canvas that shows the whole frame. The last is on top. */
export function drawMarks(
  context: OffscreenCanvasRenderingContext2D,
  marks: readonly Mark[],
  { frame, isMirrored, unit }: MarkPlace,
): void {
  const { width, height } = context.canvas;
  const place = (x: number, y: number): [number, number] => {
    const right = (x * width) / frame.width;
    return [isMirrored ? width - right : right, (y * height) / frame.height];
  };
  const line = LINE * unit;
  context.save();
  context.lineJoin = context.lineCap = "round";
  context.font = `600 ${TEXT * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  for (const { words, colour, box, trail } of marks) {
    const [x0, y0, x1, y1] = box;
    const corners = [place(x0, y0), place(x1, y1)] as const;
    const edge = line / 2; // Lines at the edge of the picture stay visible.
    const [left, right] = ordered(corners[0][0], corners[1][0], edge, width);
    const [upper, lower] = ordered(corners[0][1], corners[1][1], edge, height);
    const stroke = (style: string, thickness: number) => {
      context.strokeStyle = style;
      context.lineWidth = thickness;
      context.strokeRect(left, upper, right - left, lower - upper);
    };
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.beginPath();
    for (const [x, y] of trail) context.lineTo(...place(x, y));
    context.stroke();
    stroke(DARK, 2 * line);
    stroke(colour, line);
    drawTag(context, words, colour, [left - edge, upper - edge], unit);
  }
  context.restore();
}

/** Writes words above a box, or into it at the upper edge of the picture. */
function drawTag(
  context: OffscreenCanvasRenderingContext2D,
  words: string,
  colour: string,
  [left, upper]: readonly [number, number],
  unit: number,
): void {
  const height = (TEXT + 5) * unit;
  const padding = 5 * unit;
  const width = context.measureText(words).width + 2 * padding;
  const x = Math.max(0, Math.min(left, context.canvas.width - width));
  const y = upper >= height ? upper - height : upper;
  context.fillStyle = colour;
  context.fillRect(x, y, width, height);
  context.fillStyle = DARK;
  context.fillText(words, x + padding, y + height / 2);
}

/** Returns two places in ascending order, inside a picture. */
function ordered(
  a: number,
  b: number,
  edge: number,
  side: number,
): [number, number] {
  const inside = (value: number) =>
    Math.min(Math.max(value, edge), side - edge);
  return [inside(Math.min(a, b)), inside(Math.max(a, b))];
}
