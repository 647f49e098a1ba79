/* What a transformer is made of, in float64 and plain loops: nothing that could be wrong in the same way as a library. */

export interface Matrix {
  rows: number;
  columns: number;
  data: Float64Array;
}

export function matrix(rows: number, columns: number, data = new Float64Array(rows * columns)): Matrix {
  return { rows, columns, data };
}

/** x · weightᵀ + bias, weight [out, in]. */
export function linear(x: Matrix, weight: Float32Array, bias?: Float32Array): Matrix {
  const out = matrix(x.rows, weight.length / x.columns);
  for (let i = 0; i < x.rows; i++) {
    for (let j = 0; j < out.columns; j++) {
      let sum = bias ? bias[j]! : 0;
      for (let k = 0; k < x.columns; k++) sum += x.data[i * x.columns + k]! * weight[j * x.columns + k]!;
      out.data[i * out.columns + j] = sum;
    }
  }
  return out;
}

/** Multi-head attention of rows that hold queries, keys and values side by side, [T, 3 · E]: [T, E]. */
export function attend({ rows, columns, data }: Matrix, heads: number, causal: boolean): Matrix {
  const width = columns / 3;
  const dim = width / heads;
  const out = matrix(rows, width);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < rows; i++) {
      const seen = causal ? i + 1 : rows;
      const scores = Array.from({ length: seen }, (_, j) => {
        let sum = 0;
        for (let d = 0; d < dim; d++) sum += data[i * columns + h * dim + d]! * data[j * columns + width + h * dim + d]!;
        return sum / Math.sqrt(dim);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let d = 0; d < dim; d++) {
        let sum = 0;
        for (let j = 0; j < seen; j++) sum += weights[j]! * data[j * columns + 2 * width + h * dim + d]!;
        out.data[i * width + h * dim + d] = sum / total;
      }
    }
  }
  return out;
}

export function add(a: Matrix, b: Matrix): Matrix {
  return { ...a, data: a.data.map((x, i) => x + b.data[i]!) };
}

export function layerNorm(x: Matrix, weight: Float32Array, bias: Float32Array | null, eps: number): Matrix {
  const out = matrix(x.rows, x.columns);
  for (let i = 0; i < x.rows; i++) {
    const row = x.data.subarray(i * x.columns, (i + 1) * x.columns);
    const mean = row.reduce((sum, v) => sum + v, 0) / x.columns;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.columns;
    const scale = 1 / Math.sqrt(variance + eps);
    for (let j = 0; j < x.columns; j++) out.data[i * x.columns + j] = (row[j]! - mean) * scale * weight[j]! + (bias ? bias[j]! : 0);
  }
  return out;
}

/** x · Φ(x). */
export function gelu(x: Matrix): Matrix {
  return { ...x, data: x.data.map((v) => 0.5 * v * (1 + erf(v / Math.SQRT2))) };
}

/** By its series, which converges everywhere; where too much would cancel, erf is 1 to seven digits. */
export function erf(x: number): number {
  if (Math.abs(x) > 3.9) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
