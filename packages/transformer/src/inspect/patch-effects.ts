import { detach, keep, noGrad, type Tensor, tidy, ValueError } from '@multihead/tensor';
import { numbersOf, type Target, targetOf } from './attribution.js';
import { inspect, type ModelInputs, run, type RunContext, type TappedModel } from './inspect.js';
import { patch } from './interventions.js';
import { checkSeveralPasses } from './logit-lens.js';
import { compose, type Names } from './taps.js';

/* Where in a model the difference between two inputs is decided: one activation of the clean run at a time is put into the corrupted one. */

export interface PatchEffectsOptions<Output = unknown> {
  /** The activations that are patched. */
  names: Names;
  /** The number that is watched, of each sample. */
  target: Target<Output>;
  /** What is patched apart: each token, each head, each head at each token; the whole activation if left out. */
  each?: readonly ('position' | 'head')[];
  /** The context of `forward`, for both inputs. */
  context?: RunContext;
  signal?: AbortSignal;
  onProgress?: (progress: { runs: number; of: number }) => void;
}

/** What became of the target where one part came from the clean run. */
export interface PatchEffect {
  readonly name: string;
  /** Null: at all of them. */
  readonly position: number | null;
  readonly head: number | null;
  /** [B] */
  readonly values: Float32Array;
  /** (value - corrupted) / (clean - corrupted), [B]: 1 where this part alone restores the answer, 0 where it does nothing. */
  readonly restored: Float32Array;
}

export interface PatchEffects {
  /** The target of each input, [B]. */
  readonly clean: Float32Array;
  readonly corrupted: Float32Array;
  readonly effects: readonly PatchEffect[];
}

/**
 * Activation patching, part by part: runs the clean input once, and the corrupted one with one activation of the clean run in its place, for each
 * name, and each token or head if so asked. The two inputs have the same shapes: the same text with one word changed, say. One pass for each part.
 *
 * Throws a ValueError for names or a target that there are not, or heads of an activation that has none; the signal's reason when aborted.
 * Vig et al., "Investigating Gender Bias in Language Models Using Causal Mediation Analysis", 2020; Meng et al., 2022.
 *
 * @example
 * const { effects } = await patchEffects(model, { clean: cleanIds, corrupted: corruptedIds }, { names: /resid_pre$/, each: ['position'], target: { id: 7 } });
 * effects.length; // 6
 */
export async function patchEffects<Output>(
  model: TappedModel<Output>,
  { clean, corrupted }: { clean: ModelInputs; corrupted: ModelInputs },
  options: PatchEffectsOptions<Output>,
): Promise<PatchEffects> {
  const { names, target, each = [], context = {}, signal, onProgress } = options;
  checkSeveralPasses('patchEffects', context);
  signal?.throwIfAborted();
  let batch = 0;
  const watched = (output: Output) => detach(noGrad(() => targetOf('patchEffects', target, output, batch)));
  const found = keep(
    tidy(() => {
      const { activations, output } = inspect(model, clean, { names, context });
      batch = [...activations.values()][0]!.shape[0]!;
      const plain = noGrad(() => run('patchEffects', model, corrupted, context));
      return { activations, clean: watched(output), corrupted: watched(plain) };
    }),
  );
  try {
    const parts = [...found.activations].flatMap(([name, x]) => partsOf(name, x, each));
    const [from, to] = [await numbersOf(found.corrupted), await numbersOf(found.clean)];
    const effects: PatchEffect[] = [];
    for (const { name, position, head } of parts) {
      signal?.throwIfAborted();
      const only = (place: number | null) => (place === null ? undefined : [place]);
      const tap = patch(name, found.activations, { positions: only(position), heads: only(head) });
      const ctx = { ...context, tap: context.tap ? compose(context.tap, tap) : tap };
      const value = keep(tidy(() => watched(noGrad(() => run('patchEffects', model, corrupted, ctx)))));
      const values = await numbersOf(value).finally(() => value.dispose());
      effects.push({ name, position, head, values, restored: values.map((x, b) => (x - from[b]!) / (to[b]! - from[b]!)) });
      onProgress?.({ runs: effects.length, of: parts.length });
      await new Promise((resolve) => setTimeout(resolve)); // whoever wants to abort, or to draw, gets a turn
    }
    return { clean: to, corrupted: from, effects };
  } finally {
    for (const x of new Set([...found.activations.values(), found.clean, found.corrupted])) x.dispose();
  }
}

/** What of an activation is patched apart. */
function partsOf(name: string, x: Tensor, each: readonly ('position' | 'head')[]) {
  if (each.includes('head') && x.rank !== 4) {
    throw new ValueError(`patchEffects: each: expected activations with heads, got ${name} of ${x.rank} axes`);
  }
  const all = (n: number) => Array.from({ length: n }, (_, i) => i);
  const heads = each.includes('head') ? all(x.shape[1]!) : [null];
  const positions = each.includes('position') ? all(x.shape[x.rank === 4 ? 2 : 1]!) : [null];
  return heads.flatMap((head) => positions.map((position) => ({ name, head, position })));
}
