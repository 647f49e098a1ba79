// A ViT that was trained by `pnpm recipe vision` looks at a picture: a handwritten digit somewhere among scraps of others.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { load } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { classifyImage, loadImageProcessor, preprocess, resize } from '@multihead/transformer/vision';
import { ViTForImageClassification } from '@multihead/transformer/vit';
import { decodeImage } from './vision/decode.js';

const path = join(import.meta.dirname, 'vision/checkpoint');
const file = join(import.meta.dirname, 'vision/scene.png');
const backend = await wasm();

// #region images
const checkpoint = folder(path); // or hub('google/vit-base-patch16-224'), …
const model = await load(ViTForImageClassification, checkpoint, { backend });
const processor = await loadImageProcessor(checkpoint);
const image = decodeImage(await readFile(file)); // a PNG or a JPEG; in a browser, the ImageData of a canvas
const [labels] = await classifyImage(model, processor, [image], { top: 3 });
console.log(labels!.map(({ label, score }) => `${label} ${score.toFixed(2)}`)); // [ 'seven 0.91', 'four 0.01', 'nine 0.01' ]
// #endregion images

// What classifyImage does, step by step.
const pixels = preprocess([image], processor, { backend });
console.log(pixels.shape, resize(image, { width: 8, height: 8, resample: 'lanczos' }).data.length);
