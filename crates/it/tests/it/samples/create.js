const payload = {
  name: 'pytorch-2gpu-template',
  desc: '常用2卡训练模板',
  aidcId: 2,
  trainingType: 'PRE_TRAINING',
  trainingFramwork: 'TensorFlow',
  imageType: 'general',
  image: 'harbor.zetyun.cn/anc-public/general/tensorflow:2.16.1-gpu-jupyter',
  env: { ENV_MODE: 'production', MAX_CONN: '200' },
  resource: {
    type: 'worker',
    gpuName: 'NVIDIA-L40S-PCIE-48G',
    cpuCores: '1',
    gpuCount: '1',
    memoryGB: '2',
    productCode: 'PRD-QTT',
    productName: '量子训练',
    workerCount: 1,
    productPrice: '0.0002B'
  },
  storageConfigs: [
    {
      storageId: '0000-0000-0000-0000',
      storageType: 'nas-capacity',
      fileDirectory: 'nas123',
      mountPath: '/root/nas/123',
      onlyRead: true
    }
  ],
  enableAutoRetry: true,
  maxRetryCount: 3,
  enableTimeoutCancel: true,
  timeoutHours: 1,
  startCommand: 'python train.py --data /root/nas/123/data',
  priority: 3
};
fetch('https://api.alayanew.com/v1/training/template/create', {
  method: 'POST',
  headers: {
    'accept': 'application/json',
    'Content-Type': 'application/json',
    'Authorization': 'Bearer [YOUR_API_KEY]'
  },
  body: JSON.stringify(payload)
})
  .then(res => {
    if (!res.ok) {
      throw new Error(`HTTP error! status: ${res.status}`);
    }
    return res.json();
  })
  .then(console.log)
  .catch(console.error);
