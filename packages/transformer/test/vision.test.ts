import { dispose, liveTensors, Rng, scope, select, sigmoid, softmax, tensor } from '@multihead/tensor';
import { CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection, readCLIPConfig } from '@multihead/transformer/clip';
import { classifyImage, embedImages, embedTexts, matchImages, preprocess, readImageProcessor } from '@multihead/transformer/vision';
import { readViTConfig, ViTForImageClassification, ViTModel } from '@multihead/transformer/vit';
import { afterEach, expect, test } from 'vitest';
import { configs } from './tiny.js';

const processor = readImageProcessor({ image_processor_type: 'ViTImageProcessor', size: 8 });
const photo = (seed: number, width = 10, height = 9) => ({
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => (seed * 7919 + i * i * 31) % 256),
  width,
  height,
});
const photos = [photo(1), photo(2, 4, 20), photo(3, 30, 8)];
const words = ['[start]', 'a', 'photo', 'of', 'cat', 'dog', 'This', 'is', '{}.'];
const tokenizer = { encode: (text: string) => ({ ids: [0, ...text.split(' ').map((word) => 1 + (words.indexOf(word) + 19) % 18), 19] }) }; // biome-ignore format: one line

const clip = () => new CLIPModel(readCLIPConfig(configs.clip), { rng: new Rng(4) });
const far = (a: ArrayLike<number>, b: ArrayLike<number>) => Math.max(...Array.from(a, (x, i) => Math.abs(x - b[i]!)));

afterEach(() => expect(liveTensors()).toBe(0));

test('labels of images by their names, the likeliest first, whatever stands in the batch', async () => {
  const labels = Object.fromEntries(['cat', 'dog', 'car', 'tree', 'cup', 'pen', 'sea'].entries());
  const model = new ViTForImageClassification(readViTConfig({ ...configs.vit, id2label: labels }), { rng: new Rng(2) });
  const all = await classifyImage(model, processor, photos, { top: 7, batchSize: 2 });
  for (const [i, image] of photos.entries()) {
    const logits = await logitsOf(model, image);
    const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
    expect(all[i]!.map(({ label }) => label)).toEqual(order.map((k) => labels[k]));
    expect(far(all[i]!.map(({ score }) => score), order.map((k) => logits[k]!))).toBeLessThan(1e-6); // biome-ignore format: one claim
  }
  expect(await classifyImage(model, processor, photos)).toEqual(all.map((row) => row.slice(0, 5)));
  expect(await classifyImage(model, processor, [])).toEqual([]);
  dispose(model);
});

test('several labels may be true of an image, each with a probability of its own', async () => {
  const several = { ...configs.vit, id2label: { 0: 'cat', 1: 'dog' }, problem_type: 'multi_label_classification' };
  for (const [config, labels] of [
    [several, 2],
    [{ ...configs.vit, num_labels: 1 }, 1],
  ] as const) {
    const model = new ViTForImageClassification(readViTConfig(config), { rng: new Rng(2) });
    const [found] = await classifyImage(model, processor, [photos[0]!]);
    {
      using _ = scope();
      const want = Array.from(await sigmoid(model.forward(preprocess([photos[0]!], processor))).data()).sort((a, b) => b - a);
      expect(want).toHaveLength(labels);
      expect(far(found!.map(({ score }) => score), want)).toBeLessThan(1e-6); // biome-ignore format: one claim
    }
    dispose(model);
  }
});

/** The probabilities of one image, without what is tested. */
async function logitsOf(model: ViTForImageClassification, image: (typeof photos)[number]): Promise<number[]> {
  using _ = scope();
  return Array.from(await softmax(model.forward(preprocess([image], processor))).data());
}

test('an image has one vector: of CLIP, and of a ViT at its first place', async () => {
  const model = clip();
  const together = await embedImages(model, processor, photos);
  expect(together.map(({ length }) => length)).toEqual([8, 8, 8]);
  for (const [i, image] of photos.entries()) {
    const [alone] = await embedImages(model, processor, [image]);
    expect(far(alone!, together[i]!)).toBeLessThan(1e-6);
    expect(Math.hypot(...alone!)).toBeCloseTo(1);
  }
  dispose(model);

  const vit = new ViTModel(readViTConfig(configs.vit), { rng: new Rng(2) });
  const [vector] = await embedImages(vit, processor, [photos[0]!], { normalized: false });
  {
    using _ = scope();
    const first = select(vit.forward(preprocess([photos[0]!], processor)), 1, 0);
    expect(far(vector!, await first.data())).toBe(0);
  }
  dispose(vit);
});

test('a tower alone gives what it gives in CLIP, of length 1 or as it is', async () => {
  const { text_config, vision_config } = readCLIPConfig(configs.clip);
  const texts = new CLIPTextModelWithProjection(text_config, { rng: new Rng(5) });
  const images = new CLIPVisionModelWithProjection(vision_config, { rng: new Rng(6) });
  const rows = [await embedTexts(texts, tokenizer, ['a cat', 'a photo of a dog']), await embedImages(images, processor, photos)];
  for (const row of rows.flat()) expect(Math.hypot(...row)).toBeCloseTo(1);
  const [raw] = await embedTexts(texts, tokenizer, ['a cat'], { normalized: false });
  const length = Math.hypot(...raw!);
  expect(length).not.toBeCloseTo(1);
  expect(far(raw!.map((x) => x / length), rows[0]![0]!)).toBeLessThan(1e-6); // biome-ignore format: one claim
  dispose([texts, images]);
});

test('which label an image shows: the softmax of CLIP’s logits over the labels in the template', async () => {
  const model = clip();
  const labels = ['cat', 'dog', 'a photo'];
  const options = { labels, template: 'a {}', top: 3 };
  const found = await matchImages(model, { processor, tokenizer }, photos, options);
  {
    using _ = scope();
    for (const [i, image] of photos.entries()) {
      const logits: number[] = [];
      for (const label of labels) {
        const ids = tensor(Int32Array.from(tokenizer.encode(`a ${label}`).ids), { shape: [1, label.split(' ').length + 3] });
        logits.push(await model.forward({ ids, pixels: preprocess([image], processor) }).logits_per_image.item());
      }
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      const want = labels.map((label, k) => ({ label, score: Math.exp(logits[k]!) / total })).sort((a, b) => b.score - a.score);
      expect(found[i]!.map(({ label }) => label)).toEqual(want.map(({ label }) => label));
      expect(far(found[i]!.map(({ score }) => score), want.map(({ score }) => score))).toBeLessThan(1e-5); // biome-ignore format: one claim
    }
  }
  const [[best]] = (await matchImages(model, { processor, tokenizer }, [photos[0]!], { ...options, top: 1 })) as [[unknown]];
  expect(best).toEqual(found[0]![0]);
  const seen: string[] = [];
  const spy = {
    encode: (text: string) => {
      seen.push(text);
      return tokenizer.encode(text);
    },
  };
  await matchImages(model, { processor, tokenizer: spy }, [photos[0]!], { labels: ['cat', '$&'] });
  expect(seen).toEqual(['This is a photo of cat.', 'This is a photo of $&.']);
  dispose(model);
});

test('what cannot be done is said, and leaves nothing behind', async () => {
  const model = clip();
  const vit = new ViTForImageClassification(readViTConfig(configs.vit), { rng: new Rng(2) });
  const before = liveTensors();
  const broken = { ...photos[0]!, width: 4 };
  const parts = { processor, tokenizer };
  const large = readImageProcessor({ image_processor_type: 'ViTImageProcessor', size: 12 });
  const cases: [() => Promise<unknown>, string][] = [
    [() => classifyImage(vit, processor, [photos[0]!, broken], { batchSize: 1 }), 'preprocess: images[0].data: expected 1 to 4 values'],
    [() => classifyImage(vit, processor, photos[0] as never), 'classifyImage: expected a list, even of one, got object'],
    [() => embedTexts(model, tokenizer, 'a cat' as never), 'embedTexts: expected a list, even of one, got string'],
    [() => classifyImage(vit, large, photos), 'ViT: pixels: expected [batch, 3, 8, 8], got [3, 3, 12, 12]'],
    [() => classifyImage(vit, processor, photos, { batchSize: 0 }), 'classifyImage: batchSize: expected an integer from 1, got 0'],
    [() => classifyImage(vit, processor, photos, { top: -1 }), 'classifyImage: top: expected an integer from 1, got -1'],
    [() => embedImages(model, processor, photos, { batchSize: Number.NaN }), 'embedImages: batchSize: expected an integer from 1, got NaN'],
    [() => embedTexts(model, { encode: () => ({ ids: [] }) }, ['a']), 'embedTexts: texts: expected 1 to 12 tokens, got 0 for "a"'],
    [() => embedTexts(model, tokenizer, ['a '.repeat(20)]), 'expected 1 to 12 tokens, got 23'],
    [() => matchImages(model, parts, photos, { labels: [] }), 'matchImages: labels: expected a list of at least one, got none'],
    [
      () => matchImages(model, parts, photos, { labels: ['cat'], template: 'a photo' }),
      'matchImages: template: expected {} in it, got "a photo"',
    ],
  ];
  for (const [act, message] of cases) await expect(act()).rejects.toThrow(message);
  const reason = new Error('enough');
  await expect(classifyImage(vit, processor, photos, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  await expect(matchImages(model, parts, photos, { labels: ['cat'], signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(liveTensors()).toBe(before);
  dispose([model, vit]);
});
