export {
  type AttentionChoice,
  type InspectOptions,
  type Inspection,
  inspect,
  type ModelInputs,
  type RunContext,
  type TappedModel,
} from './inspect/inspect.js';
export {
  attentionMaps,
  type LayerAttention,
  type Look,
  type LookOptions,
  lookedAt,
  type Reading,
  readActivations,
} from './inspect/attention-maps.js';
export { type HeadScores, headScores } from './inspect/head-scores.js';
export { compose, type Intervention, type Names } from './inspect/taps.js';
export {
  type AblateOptions,
  ablateHead,
  type HeadChoice,
  type Part,
  patch,
  replace,
  type SteerOptions,
  steer,
} from './inspect/interventions.js';
export { type PatchEffect, type PatchEffects, type PatchEffectsOptions, patchEffects } from './inspect/patch-effects.js';
export { type LensOptions, type LensRow, type LensToken, lensLogits, logitLens } from './inspect/logit-lens.js';
export { type DirectAttribution, type DirectOptions, directLogits, type LogitPart } from './inspect/direct-logits.js';
export { attentionFlow, type FlowOptions } from './inspect/flow.js';
export { attentionRollout, type RolloutOptions } from './inspect/rollout.js';
export {
  type Attribution,
  type AttributionOptions,
  gradientTimesInput,
  type IntegratedAttribution,
  type IntegratedOptions,
  integratedGradients,
  type LogitChoice,
  type Target,
} from './inspect/attribution.js';
export type { Tap } from './context.js';
