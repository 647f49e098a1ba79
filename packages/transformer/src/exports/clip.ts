export {
  CLIPModel,
  CLIPTextModelWithProjection,
  CLIPVisionModelWithProjection,
  readCLIPTextConfig,
  readCLIPVisionConfig,
  readCLIPConfig,
  type CLIPTextConfig,
  type CLIPVisionConfig,
  type CLIPConfig,
  type CLIPOutput,
  type ClipTowerConfig,
} from '../models/clip.js';
