import { dispose, Rng } from '@multihead/tensor';
import { readWhisperConfig, WhisperModel } from '@multihead/transformer/whisper';
import { expect, it } from 'vitest';

it('the positions of a fresh encoder are sinusoids, and are not trained', async () => {
  const sizes = { d_model: 8, encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2, decoder_attention_heads: 2 };
  const config = readWhisperConfig({ ...sizes, num_mel_bins: 4, max_source_positions: 6, vocab_size: 50, pad_token_id: 0 });
  const model = new WhisperModel(config, { rng: new Rng(1) });
  const { weight } = model.encoder.embed_positions;
  const data = await weight.data();
  for (let t = 0; t < 6; t++) {
    for (let i = 0; i < 4; i++) {
      const angle = t / 10_000 ** (i / 3);
      expect(data[t * 8 + i]).toBeCloseTo(Math.sin(angle), 6);
      expect(data[t * 8 + 4 + i]).toBeCloseTo(Math.cos(angle), 6);
    }
  }
  expect(weight.requiresGrad).toBe(false);
  dispose(model);
});
