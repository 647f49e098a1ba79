import { library } from '../../tsup.base.ts';

export default library({
  index: 'src/index.ts',
  bpe: 'src/bpe.ts',
  trainers: 'src/trainers/index.ts',
  sentencepiece: 'src/formats/sentencepiece.ts',
  formats: 'src/formats/index.ts',
  chat: 'src/chat/index.ts',
});
