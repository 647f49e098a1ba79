import { type Backend, dispose, parameters } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { load } from '@multihead/transformer/load';
import { Archive } from '../archive.js';
import type { Folder } from '../folder.js';
import { type Check, type Family, type Finding, type GoldenCase, notBuilt, type Suite } from '../suite.js';
import { audioFamily } from './audio-features.js';
import { checkpointOf } from './checkpoint.js';
import type { HfCase, ModelDocument } from './document.js';
import { type AnyModel, runForward } from './forward.js';
import { runGenerate } from './generate.js';
import { runLoss } from './loss.js';
import { processorsFamily } from './processors.js';
import { runClassification, runPerplexity, runTextToText, runTextGeneration } from './texts.js';

/** What transformers computed with tiny models: logits, hidden states, attention maps, losses with gradients. One model a family. */
export const hf: Suite = {
  name: 'hf',
  open: (folder) => [
    ...folder.folders().map(modelFamily),
    ...(folder.has('processors.json') ? [processorsFamily(folder)] : []),
    ...(folder.has('audio-features.json') ? [audioFamily(folder)] : []),
  ],
};

function modelFamily(folder: Folder): Family {
  const document = folder.json('cases.json') as ModelDocument;
  if (document.suite !== 'hf' || !Array.isArray(document.cases)) {
    throw new Error(`${folder.path}: expected a model of the suite hf, got one of ${String(document.suite)}`);
  }
  const archive = new Archive(folder, document.data);
  const legacy = folder.has('config.legacy.json');
  const cases = document.cases.flatMap((golden): GoldenCase[] => {
    const run = (config?: string) => (backend: Backend) => runCase(golden, document, { folder, archive, backend, config });
    const whole: GoldenCase = { name: golden.name, run: run() };
    return legacy && golden.kind === 'forward'
      ? [whole, { name: `${golden.name} (config of transformers 4)`, run: run('config.legacy.json') }]
      : [whole];
  });
  return { name: document.model, cases };
}

interface Place {
  folder: Folder;
  archive: Archive;
  backend: Backend;
  config?: string;
}

async function runCase(golden: HfCase, document: ModelDocument, { folder, archive, backend, config }: Place): Promise<(Check | Finding)[]> {
  const run = kinds[golden.kind];
  if (!run) throw notBuilt(`cases of the kind ${golden.kind}`);
  const model = (await load(auto, checkpointOf(folder, config), { backend })) as unknown as AnyModel;
  try {
    return await run(golden, document, model, archive, backend, folder);
  } finally {
    for (const p of parameters(model)) p.grad?.dispose();
    dispose(model);
  }
}

type Run = (
  golden: HfCase,
  document: ModelDocument,
  model: AnyModel,
  archive: Archive,
  backend: Backend,
  folder: Folder,
) => Promise<(Check | Finding)[]>;

const kinds: Readonly<Record<string, Run>> = {
  forward: (golden, _document, model, archive, backend) => runForward(golden, model, archive, backend),
  'text-classification': (golden, _document, model, _archive, backend, folder) => runClassification(golden, model, backend, folder),
  'text-generation': (golden, _document, model, _archive, backend, folder) => runTextGeneration(golden, model, backend, folder),
  text2text: (golden, _document, model, _archive, backend, folder) => runTextToText(golden, model, backend, folder),
  perplexity: (golden, _document, model, _archive, backend, folder) => runPerplexity(golden, model, backend, folder),
  generate: (golden, _document, model, archive, backend, folder) => runGenerate(golden, model, archive, backend, folder),
  loss: (golden, document, model, archive, backend) => runLoss(golden, document.class, model, archive, backend),
};
