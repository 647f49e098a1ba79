/** A share as people read it: 93 %, <1 %. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value > 0 && value < 1 ? '<1' : Math.round(value)} %`;
}

/** With more digits where the share is small: 28 %, 0.31 %. */
export function finePercent(share: number): string {
  const value = 100 * share;
  if (value >= 1 || value === 0) return percent(share);
  return value < 0.01 ? '<0.01 %' : `${value.toFixed(2)} %`;
}
