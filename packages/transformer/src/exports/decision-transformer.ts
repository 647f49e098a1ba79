export {
  DecisionTransformerModel,
  readDecisionTransformerConfig,
  type DecisionTransformerConfig,
  type Trajectory,
  type Predictions,
} from '../models/decision-transformer.js';
