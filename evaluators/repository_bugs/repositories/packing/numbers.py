"""Numbers to bytes, as a list of them, and back."""


def packed(numbers):
    data = []
    last = 0
    for number in numbers:
        change = number - last
        last = number
        code = 2 * change if change >= 0 else -2 * change - 1
        while code >= 128:
            data.append(code % 128 + 128)
            code //= 128
        data.append(code)
    return data


def unpacked(data):
    numbers = []
    last = 0
    code, scale = 0, 1
    for byte in data:
        code += byte % 128 * scale
        scale *= 128
        if byte < 128:
            change = code // 2 if code % 2 == 0 else -(code + 1) // 2
            last += change
            numbers.append(last)
            code, scale = 0, 1
    return numbers
