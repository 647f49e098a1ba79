import { type CausalModel, type Decoding, RowDecoding } from './decoding.js';
import { topIndices } from './top-indices.js';

/*
 * Speculative decoding: Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", 2023; Chen et al., 2023.
 *
 * A draft guesses the next tokens, and the model looks at all of them in one pass. It is asked for the scores behind a row as ever: where the row
 * has gone on as guessed they are there already. So whatever chooses tokens, likeliest or drawn, with whatever processors, chooses the same ones.
 */
export class SpeculativeDecoding implements Decoding {
  readonly #model: RowDecoding;
  readonly #draft: RowDecoding;
  readonly #guesses: number;
  readonly #maxLength: number;
  /** The row with the guesses behind it, and the scores behind each of its last ids. */
  #ahead: { row: number[]; scores: Float32Array[] } | null = null;

  constructor(model: RowDecoding, draft: CausalModel, guesses: number, maxLength: number) {
    this.#model = model;
    this.#draft = new RowDecoding(draft);
    this.#guesses = guesses;
    this.#maxLength = maxLength;
  }

  async next([row]: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const known = this.#lookUp(row!);
    if (known) return [known];
    const guessed = [...row!];
    // The last token needs no guess behind it.
    const guesses = Math.min(this.#guesses, this.#maxLength - row!.length - 1);
    for (let i = 0; i < guesses; i++) {
      const [scores] = await this.#draft.next([guessed]);
      guessed.push(topIndices(scores!, 1)[0]!);
    }
    this.#ahead = { row: guessed, scores: await this.#model.last(guessed, guessed.length - row!.length + 1) };
    return [this.#lookUp(row!)!];
  }

  #lookUp(row: readonly number[]): Float32Array | null {
    if (!this.#ahead) return null;
    const { row: guessed, scores } = this.#ahead;
    const place = scores.length - 1 - (guessed.length - row.length);
    return place >= 0 && place < scores.length && row.every((id, i) => guessed[i] === id) ? scores[place]! : null;
  }

  reorder(rows: readonly number[]): void {
    this.#model.reorder(rows);
  }

  dispose(): void {
    this.#draft.dispose();
    this.#model.dispose();
  }
}
