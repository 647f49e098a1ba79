import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TokenizerError } from '@multihead/tokenizer';
import { renderTemplate } from '@multihead/tokenizer/chat';
import type { Folder } from '../folder.js';
import { type Family, type Finding, Skip } from '../suite.js';
import { equal } from './compare.js';
import known from './known-differences.json' with { type: 'json' };
import { packageRoot } from './vocabularies.js';

interface TemplateCase {
  readonly name: string;
  readonly template?: string;
  /** Where the template is, if not here. */
  readonly source?: { readonly npm: string; readonly file: string; readonly field: string };
  readonly context: Readonly<Record<string, unknown>>;
  readonly output?: string;
  /** Any error will do. */
  readonly raises?: string;
  /** For people: an error or nothing, and the output if there is one. */
  readonly expect?: string;
}

const differences = new Map<string, string>(Object.entries(known.cases));

/** Conversations as the templates of real models write them, and what Jinja makes of single features. */
export function chat(folder: Folder): Family[] {
  return ['chat-templates', 'jinja'].map((name) => {
    const { cases } = folder.json(`${name}.json`) as { cases: readonly TemplateCase[] };
    return {
      name,
      cases: cases.map((golden) => ({ name: `${name}/${golden.name}`, run: async () => rendered(`${name}/${golden.name}`, golden) })),
    };
  });
}

function rendered(name: string, golden: TemplateCase): Finding[] {
  const finding = compared(golden);
  const reason = differences.get(name);
  if (reason === undefined) return [finding];
  // What is listed has to differ, so that the list stays true.
  if (finding.problem === null) return [{ what: 'known difference', problem: `${name} is listed as a difference (${reason}) and is none` }];
  throw new Skip(`known difference of ${known.library}: ${reason}`);
}

function compared({ template, source, context, output, raises, expect }: TemplateCase): Finding {
  const text = template ?? (source === undefined ? '' : templateOf(source));
  let got: string;
  try {
    got = renderTemplate(text, context);
  } catch (error) {
    const typed = error instanceof TokenizerError;
    if (typed && (raises !== undefined || expect !== undefined)) return { what: 'error', problem: null };
    return { what: 'error', problem: `throws ${String(error)}${typed ? '' : ', which is none of our errors'}` };
  }
  if (expect !== undefined && got === '') return { what: 'output', problem: null };
  if (raises !== undefined) return { what: 'error', problem: `gives ${JSON.stringify(got.slice(0, 80))}, want ${raises}` };
  return equal('output', got, output);
}

function templateOf({ npm, file, field }: NonNullable<TemplateCase['source']>): string {
  const config = JSON.parse(readFileSync(join(packageRoot(npm), file), 'utf8')) as Record<string, unknown>;
  return String(config[field]);
}
