/** Every error that multihead throws on purpose; the message names the op, the argument, what was expected and what came. */
export class MultiheadError extends Error {
  override name = 'MultiheadError';
}
/** Shapes that do not fit together, axes out of range. */
export class ShapeError extends MultiheadError {
  override name = 'ShapeError';
}
/** An element type that the operation does not take, or two that do not go together. */
export class DTypeError extends MultiheadError {
  override name = 'DTypeError';
}
/** Tensors of two backends, or of two copies of this package, in one operation. */
export class BackendError extends MultiheadError {
  override name = 'BackendError';
}
/** An index, id or option outside its range. */
export class ValueError extends MultiheadError {
  override name = 'ValueError';
}
/** A tensor used after its end, or scopes closed out of order. */
export class LifetimeError extends MultiheadError {
  override name = 'LifetimeError';
}
/** A state dict that does not fit its model; the message lists every key at once. */
export class StateDictError extends MultiheadError {
  override name = 'StateDictError';
}
/** A gradient that cannot be had. */
export class GradientError extends MultiheadError {
  override name = 'GradientError';
}
/** NaN where `detectAnomaly` looked for it; the message names the operation. */
export class AnomalyError extends MultiheadError {
  override name = 'AnomalyError';
}
