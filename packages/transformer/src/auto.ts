import type { AutoModel } from './loading/load.js';
import { ConfigError, describe, isObject } from './loading/config.js';
import type { ModelClass } from './loading/model-class.js';

/* The class of a model by what its config says. Each file is fetched when its class is asked for. */

/** `architectures[0]` of config.json, and the class of that name. */
const architectures = {
  BartModel: () => import('./models/bart.js').then((m) => m.BartModel),
  BartForConditionalGeneration: () => import('./models/bart.js').then((m) => m.BartForConditionalGeneration),
  BartForSequenceClassification: () => import('./models/bart.js').then((m) => m.BartForSequenceClassification),
  BartForQuestionAnswering: () => import('./models/bart.js').then((m) => m.BartForQuestionAnswering),
  BertModel: () => import('./models/bert.js').then((m) => m.BertModel),
  BertForMaskedLM: () => import('./models/bert.js').then((m) => m.BertForMaskedLM),
  BertForPreTraining: () => import('./models/bert.js').then((m) => m.BertForPreTraining),
  BertForSequenceClassification: () => import('./models/bert.js').then((m) => m.BertForSequenceClassification),
  BertForTokenClassification: () => import('./models/bert.js').then((m) => m.BertForTokenClassification),
  BertForQuestionAnswering: () => import('./models/bert.js').then((m) => m.BertForQuestionAnswering),
  CLIPModel: () => import('./models/clip.js').then((m) => m.CLIPModel),
  CLIPTextModelWithProjection: () => import('./models/clip.js').then((m) => m.CLIPTextModelWithProjection),
  CLIPVisionModelWithProjection: () => import('./models/clip.js').then((m) => m.CLIPVisionModelWithProjection),
  DecisionTransformerModel: () => import('./models/decision-transformer.js').then((m) => m.DecisionTransformerModel),
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
  GemmaModel: () => import('./models/gemma.js').then((m) => m.GemmaModel),
  GemmaForCausalLM: () => import('./models/gemma.js').then((m) => m.GemmaForCausalLM),
  GemmaForSequenceClassification: () => import('./models/gemma.js').then((m) => m.GemmaForSequenceClassification),
  GemmaForTokenClassification: () => import('./models/gemma.js').then((m) => m.GemmaForTokenClassification),
  Gemma2Model: () => import('./models/gemma2.js').then((m) => m.Gemma2Model),
  Gemma2ForCausalLM: () => import('./models/gemma2.js').then((m) => m.Gemma2ForCausalLM),
  Gemma2ForSequenceClassification: () => import('./models/gemma2.js').then((m) => m.Gemma2ForSequenceClassification),
  Gemma2ForTokenClassification: () => import('./models/gemma2.js').then((m) => m.Gemma2ForTokenClassification),
  Gemma3TextModel: () => import('./models/gemma3.js').then((m) => m.Gemma3TextModel),
  Gemma3ForCausalLM: () => import('./models/gemma3.js').then((m) => m.Gemma3ForCausalLM),
  Gemma3TextForSequenceClassification: () => import('./models/gemma3.js').then((m) => m.Gemma3TextForSequenceClassification),
  GPTNeoXModel: () => import('./models/gpt-neox.js').then((m) => m.GPTNeoXModel),
  GPTNeoXForCausalLM: () => import('./models/gpt-neox.js').then((m) => m.GPTNeoXForCausalLM),
  GPTNeoXForSequenceClassification: () => import('./models/gpt-neox.js').then((m) => m.GPTNeoXForSequenceClassification),
  GPTNeoXForTokenClassification: () => import('./models/gpt-neox.js').then((m) => m.GPTNeoXForTokenClassification),
  GPTNeoXForQuestionAnswering: () => import('./models/gpt-neox.js').then((m) => m.GPTNeoXForQuestionAnswering),
  GPT2Model: () => import('./models/gpt2.js').then((m) => m.GPT2Model),
  GPT2LMHeadModel: () => import('./models/gpt2.js').then((m) => m.GPT2LMHeadModel),
  GPT2ForSequenceClassification: () => import('./models/gpt2.js').then((m) => m.GPT2ForSequenceClassification),
  GPT2ForTokenClassification: () => import('./models/gpt2.js').then((m) => m.GPT2ForTokenClassification),
  GPT2ForQuestionAnswering: () => import('./models/gpt2.js').then((m) => m.GPT2ForQuestionAnswering),
  LlamaModel: () => import('./models/llama.js').then((m) => m.LlamaModel),
  LlamaForCausalLM: () => import('./models/llama.js').then((m) => m.LlamaForCausalLM),
  LlamaForSequenceClassification: () => import('./models/llama.js').then((m) => m.LlamaForSequenceClassification),
  LlamaForTokenClassification: () => import('./models/llama.js').then((m) => m.LlamaForTokenClassification),
  LlamaForQuestionAnswering: () => import('./models/llama.js').then((m) => m.LlamaForQuestionAnswering),
  M2M100Model: () => import('./models/m2m100.js').then((m) => m.M2M100Model),
  M2M100ForConditionalGeneration: () => import('./models/m2m100.js').then((m) => m.M2M100ForConditionalGeneration),
  MarianModel: () => import('./models/marian.js').then((m) => m.MarianModel),
  MarianMTModel: () => import('./models/marian.js').then((m) => m.MarianMTModel),
  MistralModel: () => import('./models/mistral.js').then((m) => m.MistralModel),
  MistralForCausalLM: () => import('./models/mistral.js').then((m) => m.MistralForCausalLM),
  MistralForSequenceClassification: () => import('./models/mistral.js').then((m) => m.MistralForSequenceClassification),
  MistralForTokenClassification: () => import('./models/mistral.js').then((m) => m.MistralForTokenClassification),
  MistralForQuestionAnswering: () => import('./models/mistral.js').then((m) => m.MistralForQuestionAnswering),
  MixtralModel: () => import('./models/mixtral.js').then((m) => m.MixtralModel),
  MixtralForCausalLM: () => import('./models/mixtral.js').then((m) => m.MixtralForCausalLM),
  MixtralForSequenceClassification: () => import('./models/mixtral.js').then((m) => m.MixtralForSequenceClassification),
  MixtralForTokenClassification: () => import('./models/mixtral.js').then((m) => m.MixtralForTokenClassification),
  MixtralForQuestionAnswering: () => import('./models/mixtral.js').then((m) => m.MixtralForQuestionAnswering),
  ModernBertModel: () => import('./models/modernbert.js').then((m) => m.ModernBertModel),
  ModernBertForMaskedLM: () => import('./models/modernbert.js').then((m) => m.ModernBertForMaskedLM),
  ModernBertForSequenceClassification: () => import('./models/modernbert.js').then((m) => m.ModernBertForSequenceClassification),
  ModernBertForTokenClassification: () => import('./models/modernbert.js').then((m) => m.ModernBertForTokenClassification),
  ModernBertForQuestionAnswering: () => import('./models/modernbert.js').then((m) => m.ModernBertForQuestionAnswering),
  OPTModel: () => import('./models/opt.js').then((m) => m.OPTModel),
  OPTForCausalLM: () => import('./models/opt.js').then((m) => m.OPTForCausalLM),
  OPTForSequenceClassification: () => import('./models/opt.js').then((m) => m.OPTForSequenceClassification),
  OPTForQuestionAnswering: () => import('./models/opt.js').then((m) => m.OPTForQuestionAnswering),
  PhiModel: () => import('./models/phi.js').then((m) => m.PhiModel),
  PhiForCausalLM: () => import('./models/phi.js').then((m) => m.PhiForCausalLM),
  PhiForSequenceClassification: () => import('./models/phi.js').then((m) => m.PhiForSequenceClassification),
  PhiForTokenClassification: () => import('./models/phi.js').then((m) => m.PhiForTokenClassification),
  Phi3Model: () => import('./models/phi3.js').then((m) => m.Phi3Model),
  Phi3ForCausalLM: () => import('./models/phi3.js').then((m) => m.Phi3ForCausalLM),
  Phi3ForSequenceClassification: () => import('./models/phi3.js').then((m) => m.Phi3ForSequenceClassification),
  Phi3ForTokenClassification: () => import('./models/phi3.js').then((m) => m.Phi3ForTokenClassification),
  Qwen2Model: () => import('./models/qwen2.js').then((m) => m.Qwen2Model),
  Qwen2ForCausalLM: () => import('./models/qwen2.js').then((m) => m.Qwen2ForCausalLM),
  Qwen2ForSequenceClassification: () => import('./models/qwen2.js').then((m) => m.Qwen2ForSequenceClassification),
  Qwen2ForTokenClassification: () => import('./models/qwen2.js').then((m) => m.Qwen2ForTokenClassification),
  Qwen2ForQuestionAnswering: () => import('./models/qwen2.js').then((m) => m.Qwen2ForQuestionAnswering),
  Qwen3Model: () => import('./models/qwen3.js').then((m) => m.Qwen3Model),
  Qwen3ForCausalLM: () => import('./models/qwen3.js').then((m) => m.Qwen3ForCausalLM),
  Qwen3ForSequenceClassification: () => import('./models/qwen3.js').then((m) => m.Qwen3ForSequenceClassification),
  Qwen3ForTokenClassification: () => import('./models/qwen3.js').then((m) => m.Qwen3ForTokenClassification),
  Qwen3ForQuestionAnswering: () => import('./models/qwen3.js').then((m) => m.Qwen3ForQuestionAnswering),
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
  SmolLM3Model: () => import('./models/smollm3.js').then((m) => m.SmolLM3Model),
  SmolLM3ForCausalLM: () => import('./models/smollm3.js').then((m) => m.SmolLM3ForCausalLM),
  SmolLM3ForSequenceClassification: () => import('./models/smollm3.js').then((m) => m.SmolLM3ForSequenceClassification),
  SmolLM3ForTokenClassification: () => import('./models/smollm3.js').then((m) => m.SmolLM3ForTokenClassification),
  SmolLM3ForQuestionAnswering: () => import('./models/smollm3.js').then((m) => m.SmolLM3ForQuestionAnswering),
  T5EncoderModel: () => import('./models/t5.js').then((m) => m.T5EncoderModel),
  T5ForConditionalGeneration: () => import('./models/t5.js').then((m) => m.T5ForConditionalGeneration),
  ViTModel: () => import('./models/vit.js').then((m) => m.ViTModel),
  ViTForImageClassification: () => import('./models/vit.js').then((m) => m.ViTForImageClassification),
  WhisperModel: () => import('./models/whisper.js').then((m) => m.WhisperModel),
  WhisperForConditionalGeneration: () => import('./models/whisper.js').then((m) => m.WhisperForConditionalGeneration),
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
export const auto: AutoModel<InstanceType<AnyModel>> & { names(): ArchitectureName[] } = {
  names: () => Object.keys(architectures) as ArchitectureName[],
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
