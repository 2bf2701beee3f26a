"""Programs on the test bench: demonstration, benchmark, screenshots."""
