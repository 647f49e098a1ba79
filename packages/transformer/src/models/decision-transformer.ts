import { Embedding, LayerNorm, Linear, normal } from '@multihead/layers';
import { add, cast, reshape, select, ShapeError, stack, type Tensor, tanh } from '@multihead/tensor';
import type { ForwardContext, ModelOptions } from '../context.js';
import { activation, derived, flag, readConfig, size } from '../loading/config.js';
import type { CheckpointRules } from '../loading/model-class.js';
import { type GPT2Config, GPT2Model, gpt2Fields, gpt2Ignored } from './gpt2.js';

/*
 * Decision Transformer: Chen et al., "Decision Transformer: Reinforcement Learning via Sequence Modeling", 2021.
 *
 *   return, state, action of each step → a vector each, + the vector of the step → norm → GPT-2 → the next state, action and return
 *
 * Unusual: what GPT-2 reads are no tokens, and the three of one step share a place; GPT-2's own positions are all the first one.
 */

export interface DecisionTransformerConfig extends GPT2Config {
  state_dim: number;
  act_dim: number;
  hidden_size: number;
  /** Steps that there are vectors for. */
  max_ep_len: number;
  /** Actions end in tanh. */
  action_tanh: boolean;
}

/**
 * The config of a Decision Transformer from the content of config.json, checked: missing keys have transformers' defaults. Throws a
 * ConfigError that lists every value and every key that it cannot take.
 *
 * @example
 * const config = readDecisionTransformerConfig(JSON.parse(text)); // the text of config.json
 */
export function readDecisionTransformerConfig(json: unknown): DecisionTransformerConfig {
  const config = readConfig<DecisionTransformerConfig>(json, {
    modelTypes: ['decision_transformer'],
    fields: {
      ...gpt2Fields(),
      activation_function: activation('relu'),
      state_dim: size(17),
      act_dim: size(4),
      hidden_size: size(128),
      max_ep_len: size(4096),
      action_tanh: flag(true),
      vocab_size: size(1),
      n_layer: size(3),
      n_head: size(1),
    },
    ignored: [...gpt2Ignored, 'n_embd', 'pad_token_id'],
    check: ({ hidden_size, n_head }) => [hidden_size % n_head !== 0 && `n_head: ${n_head} must divide hidden_size, ${hidden_size}`],
  });
  return derived(config, { n_embd: config.hidden_size });
}

/** What happened so far: one of each for every step. */
export interface Trajectory {
  /** [B, T, state_dim] */
  states: Tensor;
  /** [B, T, act_dim] */
  actions: Tensor;
  /** The sum of rewards that is still to come, [B, T, 1]. */
  returns_to_go: Tensor;
  /** int32 [B, T] */
  timesteps: Tensor;
}

export interface Predictions {
  state_preds: Tensor;
  action_preds: Tensor;
  return_preds: Tensor;
}

/**
 * The next state [B, T, state_dim], action [B, T, act_dim] and return [B, T, 1] after each step; `mask` is int32 or bool [B, T].
 *
 * @example
 * const { action_preds } = model.forward({ states, actions, returns_to_go, timesteps }, { mask });
 */
export class DecisionTransformerModel {
  encoder: GPT2Model;
  embed_timestep: Embedding;
  embed_return: Linear;
  embed_state: Linear;
  embed_action: Linear;
  embed_ln: LayerNorm;
  predict_state: Linear;
  predict_action: [Linear];
  predict_return: Linear;
  readonly config: DecisionTransformerConfig;

  static readonly architecture = 'DecisionTransformerModel';
  static readonly readConfig = readDecisionTransformerConfig;
  static readonly checkpoint: CheckpointRules = { ignore: [/\.attn\.(masked_)?bias$/] };

  constructor(config: DecisionTransformerConfig, options: ModelOptions = {}) {
    this.config = config;
    const { hidden_size: width, state_dim, act_dim } = config;
    const init = normal(options.rng, config.initializer_range);
    this.encoder = new GPT2Model(config, options);
    this.embed_timestep = new Embedding(config.max_ep_len, width, { init });
    this.embed_return = new Linear(1, width, { init });
    this.embed_state = new Linear(state_dim, width, { init });
    this.embed_action = new Linear(act_dim, width, { init });
    this.embed_ln = new LayerNorm(width);
    this.predict_state = new Linear(width, state_dim, { init });
    this.predict_action = [new Linear(width, act_dim, { init })];
    this.predict_return = new Linear(width, 1, { init });
  }

  forward({ states, actions, returns_to_go, timesteps }: Trajectory, ctx: Omit<ForwardContext, 'cache' | 'positions'> = {}): Predictions {
    const [batch, steps] = states.shape as [number, number];
    if (states.rank !== 3)
      throw new ShapeError(`DecisionTransformer: states: expected [batch, steps, state_dim], got [${states.shape.join(', ')}]`);
    const when = this.embed_timestep.forward(timesteps); // [B, T, E]
    const parts = [this.embed_return.forward(returns_to_go), this.embed_state.forward(states), this.embed_action.forward(actions)];
    const x = reshape(
      stack(
        parts.map((part) => add(part, when)),
        2,
      ),
      [batch, 3 * steps, this.config.hidden_size],
    );
    const mask = ctx.mask && thrice(ctx.mask);
    const positions = Array.from({ length: batch }, () => new Array<number>(3 * steps).fill(0));
    const hidden = this.encoder.forwardEmbeddings(this.embed_ln.forward(x), { ...ctx, mask, positions });
    const [, ofState, ofAction] = [0, 1, 2].map((i) => select(reshape(hidden, [batch, steps, 3, hidden.shape[2]!]), 2, i)) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const action = this.predict_action[0].forward(ofState);
    return {
      state_preds: this.predict_state.forward(ofAction),
      action_preds: this.config.action_tanh ? tanh(action) : action,
      return_preds: this.predict_return.forward(ofAction),
    };
  }
}

/** Each step of a mask [B, T] three times, [B, 3T]. */
function thrice(mask: Tensor): Tensor {
  const [batch, steps] = mask.shape as [number, number];
  const ints = cast(mask, 'int32');
  return reshape(stack([ints, ints, ints], 2), [batch, 3 * steps]);
}
