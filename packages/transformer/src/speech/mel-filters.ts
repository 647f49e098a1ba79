/*
 * Mel filters in the form of Slaney's Auditory Toolbox (1998), which librosa made common: the scale is linear up to 1,000 Hz and logarithmic above, filters
 * are triangles between three neighbouring frequencies of it, and the wider ones are lower, so that each has the same area.
 */

const linearStep = 200 / 3; // Hz per mel, up to 1,000 Hz
const logStep = Math.log(6.4) / 27; // ln Hz per mel above
const corner = 1000 / linearStep;

function hertzOf(mel: number): number {
  return mel < corner ? mel * linearStep : 1000 * Math.exp(logStep * (mel - corner));
}

function melOf(hertz: number): number {
  return hertz < 1000 ? hertz / linearStep : corner + Math.log(hertz / 1000) / logStep;
}

/** One filter: its weights, the first of which is for the frequency `from` of the spectrum. */
export interface MelFilter {
  readonly from: number;
  readonly weights: Float64Array;
}

/** `count` filters from 0 to 8,000 Hz over `bins` frequencies from 0 to half the sampling rate; only what is not 0. */
export function melFilters(count: number, bins: number, samplingRate: number): MelFilter[] {
  const top = melOf(8000);
  const edges = Array.from({ length: count + 2 }, (_, i) => hertzOf((top * i) / (count + 1)));
  const frequencies = Array.from({ length: bins }, (_, k) => (Math.floor(samplingRate / 2) * k) / (bins - 1));
  return Array.from({ length: count }, (_, i) => {
    const [low, middle, high] = edges.slice(i, i + 3) as [number, number, number];
    const weights = frequencies.map((f) => {
      const height = Math.min((f - low) / (middle - low), (high - f) / (high - middle));
      return (2 * Math.max(0, height)) / (high - low);
    });
    const from = weights.findIndex((weight) => weight > 0);
    if (from < 0) return { from: 0, weights: new Float64Array(0) }; // narrower than a step of the spectrum
    return { from, weights: Float64Array.from(weights.slice(from, weights.findLastIndex((weight) => weight > 0) + 1)) };
  });
}
