export { describeBackend } from './describe-backend.js';
export { type CaseResult, checkBackend } from './run-case.js';
export { describeTraining, type TrainingOptions } from './describe-training.js';
export type { Skip } from './skip.js';
export { type GradcheckOptions, gradcheck, gradgradcheck } from './gradcheck.js';
export { type Closeness, type Numbers, matchers } from './matchers.js';
export { failOnLeak, liveTensors } from './leaks.js';
