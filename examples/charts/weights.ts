// What a head looks at, drawn with letters, for programs in a terminal: no program of its own.
import type { LayerAttention } from '@multihead/transformer/inspect';

const shades = ' ░▒▓█';

/** A row for each query, a column for each key, the darker the more; behind it the key that is looked at most. */
export function drawHead(map: LayerAttention, head: number, words: readonly string[]): string {
  const [, heads, rows, keys] = map.shape;
  const place = map.heads.indexOf(head);
  const wide = Math.max(...words.map((word) => word.length));
  const lines = Array.from({ length: rows }, (_, row) => {
    const start = (place * rows + row) * keys; // of the first sample
    const weights = Array.from(map.weights.subarray(start, start + keys));
    const most = weights.indexOf(Math.max(...weights));
    const shaded = weights.map((weight) => shades[Math.min(4, Math.ceil(weight * 4 - 0.2))]!).join('');
    return `${words[map.queries[row]!]!.padStart(wide)} │${shaded}│ ${percent(weights[most]!)} ${words[most]}`;
  });
  if (place < 0) throw new Error(`drawHead: head: expected one of ${map.heads.join(', ')} of ${heads}, got ${head}`);
  return lines.join('\n');
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(0).padStart(3)} %`;
}
