/*
 * The training of the page. In each step the model reads sentences with *it*, of which it should look at the right noun, and plain
 * statements with a hidden word, from which it learns what kind of thing each noun is. A seed fixes weights and sentences.
 */
import {
  add,
  crossEntropy,
  dispose,
  indexSelect,
  log,
  mean,
  neg,
  parameters,
  reshape,
  Rng,
  scope,
  type Tensor,
  tensor,
} from '@multihead/tensor';
import { adamw, clipGradNorm, type Optimizer, warmupCosine } from '@multihead/train';
import { ItModel } from './model.js';
import { plan } from './plan.js';
import { hiddenWord, toBatch, tokenizer } from './reader.js';
import { drawItSentences, drawStatements, type ItSentence, type Part, type Statement } from './sentences.js';

export const modelConfig = { vocabulary: tokenizer.vocabSize, dim: 64, heads: 4, layers: 2 };

const schedule = warmupCosine({ peak: 2e-3, warmup: 50, total: plan.steps, floor: 1e-4 });

export interface ItTrainingOptions {
  seed: number;
  /** False leaves the plain statements out: then nothing tells what the held-out nouns are. */
  statements?: boolean;
}

export class ItTraining {
  readonly model: ItModel;
  readonly #optimizer: Optimizer;
  readonly #rng: Rng;
  readonly #statements: boolean;

  constructor({ seed, statements = true }: ItTrainingOptions) {
    this.#rng = new Rng(seed);
    this.#statements = statements;
    this.model = new ItModel(modelConfig, this.#rng.fork());
    this.#optimizer = adamw(parameters(this.model), { weightDecay: 0.1 });
  }

  /** Steps taken. */
  get steps(): number {
    return this.#optimizer.steps;
  }

  /** One step on new sentences; resolves to the loss of *it* before the step, in nats. */
  async step(): Promise<number> {
    const sentences = drawItSentences(plan.sentences, 'seen', this.#rng);
    const statements = drawStatements(plan.statements, this.#rng);
    using _ = scope();
    const loss = itLoss(this.model, sentences);
    (this.#statements ? add(loss, hiddenLoss(this.model, statements)) : loss).backward();
    clipGradNorm(parameters(this.model), 1);
    this.#optimizer.lr = schedule(this.steps);
    this.#optimizer.step();
    return await loss.item();
  }

  dispose(): void {
    this.#optimizer.dispose();
    dispose(this.model);
  }
}

/** The mean of -ln(attention that *it* pays to the noun it means). */
function itLoss(model: ItModel, sentences: readonly ItSentence[]): Tensor {
  const { ids, mask } = toBatch(sentences.map(({ words }) => words));
  const looks = model.look(ids, mask); // [B, T, T]
  const tokens = ids.shape[1]!;
  const places = Int32Array.from(sentences, ({ it, nouns, answer }, b) => (b * tokens + it) * tokens + nouns[answer]);
  const paid = indexSelect(reshape(looks, [-1]), 0, tensor(places, { shape: [places.length] })); // [B]
  return neg(mean(log(add(paid, 1e-6))));
}

/** The cross-entropy of the hidden words. */
function hiddenLoss(model: ItModel, statements: readonly Statement[]): Tensor {
  const { ids, mask } = toBatch(statements.map(({ words, hidden }) => words.with(hidden, hiddenWord)));
  const vectors = model.forward(ids, mask); // [B, T, E]
  const [batch, tokens, dim] = vectors.shape as [number, number, number];
  const places = Int32Array.from(statements, ({ hidden }, b) => b * tokens + hidden);
  const chosen = indexSelect(reshape(vectors, [batch * tokens, dim]), 0, tensor(places, { shape: [batch] })); // [B, E]
  const answers = Int32Array.from(statements, ({ words, hidden }) => tokenizer.tokenToId(words[hidden]!)!);
  return crossEntropy(model.guess(chosen), tensor(answers, { shape: [batch] }));
}

/** Fixed sentences to measure the accuracy on, the same for every seed. */
export function testSentences(part: Part, count = 96): ItSentence[] {
  return drawItSentences(count, part, new Rng(part === 'seen' ? 101 : 102));
}
