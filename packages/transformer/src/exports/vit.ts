export {
  ViTModel,
  ViTForImageClassification,
  readViTConfig,
  type ImageContext,
  type ViTConfig,
} from '../models/vit.js';
