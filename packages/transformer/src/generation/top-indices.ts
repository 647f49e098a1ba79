/** The places of the k highest scores, highest first; of equal ones the first comes first. */
export function topIndices(scores: Float32Array | Float64Array, k: number): number[] {
  const most = Math.min(k, scores.length);
  if (most === 1) return [highest(scores)];
  if (most > 256)
    return Array.from(scores.keys())
      .sort((a, b) => scores[b]! - scores[a]! || a - b)
      .slice(0, most);
  const top: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (top.length === most && !(score > scores[top[most - 1]!]!)) continue;
    let place = Math.min(top.length, most - 1);
    for (; place > 0 && scores[top[place - 1]!]! < score; place--) top[place] = top[place - 1]!;
    top[place] = i;
  }
  return most > 0 ? top : [];
}

function highest(scores: Float32Array | Float64Array): number {
  let best = 0;
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
  return best;
}

/** The k-th highest score, the lowest if there are fewer. */
export function kthLargest(scores: Float32Array, k: number): number {
  return scores[topIndices(scores, k).at(-1)!]!;
}
