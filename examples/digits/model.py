"""A small convolutional network for 8 x 8 grey digits."""

import torch
from torch import nn


class Model(nn.Module):
    """Images [n, 8, 8] with grey values from 0 to 16 to the probabilities [n, 10] of the ten digits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.25),
            nn.Linear(32 * 4 * 4, 64),
            nn.ReLU(),
            nn.Linear(64, 10),
        )

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        """Unnormalised log-probabilities [n, 10], for training."""
        return self.layers(image.unsqueeze(1) / 16)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Probabilities [n, 10]."""
        return self.logits(image).softmax(dim=1)
