// The trained models that static quantization is tried on, what each is fed with, and what its outputs say.
import type { DataOptions } from '../../src/data/index.js';
import type { Decoder } from './detections.js';
import { binaryMap, scrfdFaces, ssdFaces, ssdFacesByPriors, yoloxObjects } from './detections.js';
import type { Features } from './features.js';

export interface TriedModel {
  /** Below models/. */
  readonly path: string;
  /** Photos as the model was trained on, or features of speech or files; without both: normal numbers. */
  readonly images?: DataOptions;
  /** Instead of photos. */
  readonly cifar?: boolean;
  readonly audio?: DataOptions;
  readonly features?: Features;
  /** What the outputs stand for, compared between original and result. */
  readonly decode?: Decoder;
}

const cifar: DataOptions = { imageMean: [0.485, 0.456, 0.406], imageStd: [0.229, 0.224, 0.225] };
const zeroToOne: DataOptions = { imageMean: [0], imageStd: [1] };
const faces: DataOptions = { imageSize: '240x320', imageScale: 1, imageMean: [127], imageStd: [128] };

export const triedModels: readonly TriedModel[] = [
  { path: 'public/imagenet/tiny_darknet.onnx', images: { imageSize: 224 } },
  {
    path: 'public/detect/yolox_nano.onnx',
    images: { imageSize: 416, imageScale: 1, imageChannels: 'bgr' },
    decode: yoloxObjects,
  },
  { path: 'public/detect/vnn_tinyyolo.onnx', images: { ...zeroToOne, imageSize: 52 } },
  { path: 'public/face/ultraface_RFB-320.onnx', images: faces, decode: ssdFaces },
  { path: 'public/face/ultraface_RFB-320_simplified.onnx', images: faces, decode: ssdFacesByPriors },
  {
    path: 'public/face/scrfd_500m_bnkps.onnx',
    images: { imageSize: 640, imageScale: 1, imageMean: [127.5], imageStd: [128] },
    decode: scrfdFaces,
  },
  { path: 'public/ocr/ch_PP-OCRv3_det.onnx', images: { ...cifar, imageSize: '320x480' }, decode: binaryMap },
  {
    path: 'public/ocr/ch_ppocr_mobile_v2.0_cls.onnx',
    images: { imageSize: '48x192', imageMean: [0.5], imageStd: [0.5] },
  },
  {
    path: 'public/superres/pytorch_super_resolution.onnx',
    images: { ...zeroToOne, imageSize: 224, imageChannels: 'gray' },
  },
  { path: 'public/misc/metaroom_4cnn.onnx', images: { ...zeroToOne, imageSize: '32x56' } },
  { path: 'public/cifar10/oval21_cifar_base_kw.onnx', cifar: true, images: { ...cifar, imageStd: [0.225] } },
  { path: 'public/cifar10/resnet20_akamaster.onnx', cifar: true, images: cifar },
  { path: 'public/cifar10/resnet44_akamaster.onnx', cifar: true, images: cifar },
  { path: 'public/cifar10/sri_resnet_a.onnx', cifar: true, images: cifar },
  { path: 'public/cifar10/vit_pgd_2_3_16.onnx', cifar: true, images: cifar },
  { path: 'public/audio/dnsmos_model_v8.onnx', features: 'log mel' },
  { path: 'public/audio/dtln_model_1_lstm.onnx', features: 'magnitudes' },
  { path: 'public/audio/gtcrn_simple.onnx', features: 'spectrum' },
  { path: 'public/audio/oww_melspectrogram.onnx', features: 'clips' },
  { path: 'public/audio/oww_embedding_model.onnx', features: 'mel windows' },
  { path: 'public/audio/oww_alexa_v0.1.onnx', features: 'embeddings' },
  { path: 'public/audio/silero_vad_16k_op15.onnx', audio: { frame: 576, hop: 512 } },
  { path: 'public/audio/silero_vad_half.onnx', audio: { frame: 576, hop: 512 } },
  { path: 'public/nlp/byte_sb_bidi_lstm.onnx', features: 'text' },
  { path: 'public/filetype/magika_standard_v3_3.onnx', features: 'files' },
  { path: 'public/segment/carvana_unet_simp_small.onnx' },
  { path: 'public/misc/acasxu_1_1.onnx' },
  { path: 'public/misc/mscn_128d_dual.onnx' },
  { path: 'public/mnist/lr_mnist_scikit.onnx' },
  { path: 'public/mnist/mnist_cntk_opset7.onnx' },
  { path: 'public/mnist/vnn_mnist-net_256x4.onnx' },
  { path: 'public/timeseries/motor_fault_extdata/motor_fault_model.onnx' },
];
