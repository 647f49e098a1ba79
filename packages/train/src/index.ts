export { type AdamOptions, adam, adamw, type Optimizer, type OptimizerState, type SgdOptions, sgd } from './optimizer.js';
export { constantRate, noam, type Schedule, warmupCosine } from './schedule.js';
export { clipGradNorm, clipGradValue } from './clip.js';
