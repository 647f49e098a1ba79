export { type AdamOptions, adam, adamw, type Optimizer, type OptimizerState, type SgdOptions, sgd } from './optimizer.js';
export { constantRate, noam, type Schedule, warmupCosine } from './schedule.js';
export { clipGradNorm, clipGradValue } from './clip.js';
export { type BatchOptions, bucketedBatches, padded } from './batches.js';
export { type FitOptions, fit, type Progress, type Task, type TrainState } from './fit.js';
