import os


def run_on_cpu():
    print("running in pod", os.environ["HOSTNAME"])
    return "This operator only requires CPU to run."


def run_on_gpu():
    print("running in pod", os.environ["HOSTNAME"])
    return "This operator requires GPU to run."
