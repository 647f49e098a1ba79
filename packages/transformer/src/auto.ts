import type { AutoModel } from './loading/load.js';
import { ConfigError, describe, isObject } from './loading/config.js';
import type { ModelClass } from './loading/model-class.js';

/* The class of a model by what its config says. Each file is fetched when its class is asked for. */

/** `architectures[0]` of config.json, and the class of that name. */
const architectures = {
  BertModel: () => import('./models/bert.js').then((m) => m.BertModel),
  BertForMaskedLM: () => import('./models/bert.js').then((m) => m.BertForMaskedLM),
  BertForPreTraining: () => import('./models/bert.js').then((m) => m.BertForPreTraining),
  BertForSequenceClassification: () => import('./models/bert.js').then((m) => m.BertForSequenceClassification),
  BertForTokenClassification: () => import('./models/bert.js').then((m) => m.BertForTokenClassification),
  BertForQuestionAnswering: () => import('./models/bert.js').then((m) => m.BertForQuestionAnswering),
  DistilBertModel: () => import('./models/distilbert.js').then((m) => m.DistilBertModel),
  DistilBertForMaskedLM: () => import('./models/distilbert.js').then((m) => m.DistilBertForMaskedLM),
  DistilBertForSequenceClassification: () => import('./models/distilbert.js').then((m) => m.DistilBertForSequenceClassification),
  DistilBertForTokenClassification: () => import('./models/distilbert.js').then((m) => m.DistilBertForTokenClassification),
  DistilBertForQuestionAnswering: () => import('./models/distilbert.js').then((m) => m.DistilBertForQuestionAnswering),
  ElectraModel: () => import('./models/electra.js').then((m) => m.ElectraModel),
  ElectraForPreTraining: () => import('./models/electra.js').then((m) => m.ElectraForPreTraining),
  ElectraForMaskedLM: () => import('./models/electra.js').then((m) => m.ElectraForMaskedLM),
  ElectraForSequenceClassification: () => import('./models/electra.js').then((m) => m.ElectraForSequenceClassification),
  ElectraForTokenClassification: () => import('./models/electra.js').then((m) => m.ElectraForTokenClassification),
  ElectraForQuestionAnswering: () => import('./models/electra.js').then((m) => m.ElectraForQuestionAnswering),
  GPT2Model: () => import('./models/gpt2.js').then((m) => m.GPT2Model),
  GPT2LMHeadModel: () => import('./models/gpt2.js').then((m) => m.GPT2LMHeadModel),
  GPT2ForSequenceClassification: () => import('./models/gpt2.js').then((m) => m.GPT2ForSequenceClassification),
  GPT2ForTokenClassification: () => import('./models/gpt2.js').then((m) => m.GPT2ForTokenClassification),
  GPT2ForQuestionAnswering: () => import('./models/gpt2.js').then((m) => m.GPT2ForQuestionAnswering),
  RobertaModel: () => import('./models/roberta.js').then((m) => m.RobertaModel),
  XLMRobertaModel: () => import('./models/roberta.js').then((m) => m.RobertaModel),
  CamembertModel: () => import('./models/roberta.js').then((m) => m.RobertaModel),
  RobertaForMaskedLM: () => import('./models/roberta.js').then((m) => m.RobertaForMaskedLM),
  XLMRobertaForMaskedLM: () => import('./models/roberta.js').then((m) => m.RobertaForMaskedLM),
  CamembertForMaskedLM: () => import('./models/roberta.js').then((m) => m.RobertaForMaskedLM),
  RobertaForSequenceClassification: () => import('./models/roberta.js').then((m) => m.RobertaForSequenceClassification),
  XLMRobertaForSequenceClassification: () => import('./models/roberta.js').then((m) => m.RobertaForSequenceClassification),
  CamembertForSequenceClassification: () => import('./models/roberta.js').then((m) => m.RobertaForSequenceClassification),
  RobertaForTokenClassification: () => import('./models/roberta.js').then((m) => m.RobertaForTokenClassification),
  XLMRobertaForTokenClassification: () => import('./models/roberta.js').then((m) => m.RobertaForTokenClassification),
  CamembertForTokenClassification: () => import('./models/roberta.js').then((m) => m.RobertaForTokenClassification),
  RobertaForQuestionAnswering: () => import('./models/roberta.js').then((m) => m.RobertaForQuestionAnswering),
  XLMRobertaForQuestionAnswering: () => import('./models/roberta.js').then((m) => m.RobertaForQuestionAnswering),
  CamembertForQuestionAnswering: () => import('./models/roberta.js').then((m) => m.RobertaForQuestionAnswering),
};

/** The classes that `auto` knows, by transformers' names. */
export type ArchitectureName = keyof typeof architectures;

type AnyModel = Awaited<ReturnType<(typeof architectures)[ArchitectureName]>>;

/**
 * For `load`: the class that the checkpoint itself names in `architectures`. A bundle has all models then, each as a part of its own.
 *
 * @example
 * const model = await load(auto, hub('openai-community/gpt2'));
 */
export const auto: AutoModel<InstanceType<AnyModel>> = {
  async choose(config) {
    const names: unknown = isObject(config) ? config.architectures : null;
    const [name] = Array.isArray(names) ? names : [];
    if (typeof name !== 'string' || !Object.hasOwn(architectures, name)) {
      throw new ConfigError(
        `config.json: architectures: expected one of ${Object.keys(architectures).join(', ')}, got ${describe(names)}; or give load the class itself`,
      );
    }
    return (await architectures[name as ArchitectureName]()) as ModelClass<InstanceType<AnyModel>>;
  },
};
