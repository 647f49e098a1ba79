export {
  ViTModel,
  ViTForImageClassification,
  readViTConfig,
  type ViTConfig,
} from '../models/vit.js';
