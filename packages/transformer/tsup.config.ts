import { library } from '../../tsup.base.ts';

export default library({ seq2seq: 'src/models/seq2seq.ts' });
